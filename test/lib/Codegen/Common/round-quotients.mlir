// RUN: onnxc-opt %s --round-quotients --canonicalize | FileCheck %s

// The quotient is clamped first; its rounded value is the low bits of a float, 0x4B400000 more, and the zero point.
// CHECK-LABEL: func.func @quantize
// CHECK:       %[[E:.*]] = arith.mulf %[[X:.*]], %{{.*}} : vector<16xf32>
// CHECK:       %[[Q:.*]] = math.fma %[[X]], %{{.*}}, %[[E]]
// CHECK:       arith.addf %[[Q]], %{{.*}}
// CHECK-NEXT:  arith.bitcast
// CHECK-NEXT:  arith.addi %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK-NOT:   arith.divf
func.func @quantize(%x: vector<16xf32>) -> vector<16xi32> {
  %s = arith.constant dense<0.0235294122> : vector<16xf32>
  %zero = arith.constant dense<117.0> : vector<16xf32>
  %low = arith.constant dense<0.0> : vector<16xf32>
  %high = arith.constant dense<255.0> : vector<16xf32>
  %0 = arith.divf %x, %s : vector<16xf32>
  %1 = math.roundeven %0 : vector<16xf32>
  %2 = arith.addf %1, %zero : vector<16xf32>
  %3 = arith.cmpf ogt, %2, %low : vector<16xf32>
  %4 = arith.select %3, %2, %low : vector<16xi1>, vector<16xf32>
  %5 = arith.cmpf olt, %4, %high : vector<16xf32>
  %6 = arith.select %5, %4, %high : vector<16xi1>, vector<16xf32>
  %7 = arith.fptosi %6 : vector<16xf32> to vector<16xi32>
  return %7 : vector<16xi32>
}

// By a power of two, one multiplication is exact.
// CHECK-LABEL: func.func @power
// CHECK-NOT:   arith.divf
// CHECK-NOT:   math.fma
// CHECK:       arith.mulf
// CHECK:       arith.bitcast
func.func @power(%x: f32) -> i32 {
  %s = arith.constant 0.125 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %0 = arith.divf %x, %s : f32
  %1 = math.roundeven %0 : f32
  %3 = arith.cmpf ogt, %1, %low : f32
  %4 = arith.select %3, %1, %low : f32
  %5 = arith.cmpf olt, %4, %high : f32
  %6 = arith.select %5, %4, %high : f32
  %7 = arith.fptosi %6 : f32 to i32
  return %7 : i32
}

// A divisor that the run brings is divided by.
// CHECK-LABEL: func.func @unknown
// CHECK:       arith.divf
func.func @unknown(%x: f32, %s: f32) -> i32 {
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %0 = arith.divf %x, %s : f32
  %1 = math.roundeven %0 : f32
  %3 = arith.cmpf ogt, %1, %low : f32
  %4 = arith.select %3, %1, %low : f32
  %5 = arith.cmpf olt, %4, %high : f32
  %6 = arith.select %5, %4, %high : f32
  %7 = arith.fptosi %6 : f32 to i32
  return %7 : i32
}

// The flip of a byte's sign is one more even number.
// CHECK-LABEL: func.func @flipped
// CHECK:       arith.constant 0x4B3FFF80 : f32
// CHECK:       %[[BITS:.*]] = arith.bitcast
// CHECK-NEXT:  %[[BYTE:.*]] = arith.trunci %[[BITS]]
// CHECK-NEXT:  return %[[BYTE]]
func.func @flipped(%x: f32) -> i8 {
  %s = arith.constant 0.0235294122 : f32
  %low = arith.constant 0.0 : f32
  %high = arith.constant 255.0 : f32
  %flip = arith.constant -128 : i8
  %0 = arith.divf %x, %s : f32
  %1 = math.roundeven %0 : f32
  %3 = arith.cmpf ogt, %1, %low : f32
  %4 = arith.select %3, %1, %low : f32
  %5 = arith.cmpf olt, %4, %high : f32
  %6 = arith.select %5, %4, %high : f32
  %7 = arith.fptosi %6 : f32 to i32
  %8 = arith.trunci %7 : i32 to i8
  %9 = arith.xori %8, %flip : i8
  return %9 : i8
}
