// RUN: onnxc-opt %s --expand-math | FileCheck %s

// Vectors stay vectors, f64 arithmetic inside, and no call or math function is left.
// CHECK-LABEL: @sin
// CHECK: arith.extf %{{.*}} : vector<16xf32> to vector<16xf64>
// CHECK: math.fma {{.*}} : vector<16xf64>
// CHECK-NOT: math.sin
func.func @sin(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.sin %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// 16-bit floats go through f32, whose exp has its own polynomial.
// CHECK-LABEL: @exp
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK-NOT: f64
// CHECK-NOT: math.exp
func.func @exp(%x: f16) -> f16 {
  %0 = math.exp %x : f16
  return %0 : f16
}

// The loop vectoriser knows this one as a reduction.
// CHECK-LABEL: @maximum
// CHECK: llvm.intr.maximum(%{{.*}}, %{{.*}}) {fastmathFlags = #llvm.fastmath<nsz>} : (f32, f32) -> f32
func.func @maximum(%x: f32, %y: f32) -> f32 {
  %0 = arith.maximumf %x, %y : f32
  return %0 : f32
}

// CHECK-LABEL: @asin
// CHECK-NOT: f64
// CHECK: math.sqrt {{.*}} : f32
// CHECK-NOT: math.asin
// CHECK: return
func.func @asin(%x: f32) -> f32 {
  %0 = math.asin %x : f32
  return %0 : f32
}
