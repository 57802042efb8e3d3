// RUN: onnxc-opt %s --place-parts --split-input-file | FileCheck %s

// A part is computed in its place; an input is copied.
// CHECK-LABEL: func.func @place
// CHECK-SAME:    %[[X:.*]]: memref<3x4xf32>, %[[OUT:.*]]: memref<5x4xf32>
// CHECK:         %[[PART:.*]] = memref.subview %[[OUT]][0, 0] [2, 4] [1, 1]
// CHECK:         linalg.fill ins(%{{.*}}) outs(%[[PART]] : memref<2x4xf32, strided<[4, 1]>>)
// CHECK:         %[[PLACE:.*]] = memref.subview %[[OUT]][2, 0] [3, 4] [1, 1]
// CHECK:         memref.copy %[[X]], %[[PLACE]]
// CHECK-NOT:     memref.alloc
func.func @place(%x: memref<3x4xf32>, %out: memref<5x4xf32>) {
  %one = arith.constant 1.0 : f32
  %a = memref.alloc() : memref<2x4xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<2x4xf32>)
  kernel.assemble parts(%a, %x : memref<2x4xf32>, memref<3x4xf32>) at [0, 0, 2, 0] outs(%out : memref<5x4xf32>)
  return
}

// -----

// The whole is made before its first part, with the sizes that it has. A part of a part is in the outermost.
// CHECK-LABEL: func.func @nested
// CHECK-SAME:    %[[N:.*]]: index
// CHECK:         %[[ALL:.*]] = arith.addi %[[N]], %c4
// CHECK:         %[[WHOLE:.*]] = memref.alloc(%[[ALL]])
// CHECK:         %[[INNER:.*]] = memref.subview %[[WHOLE]]
// CHECK:         %[[PART:.*]] = memref.subview %[[INNER]]
// CHECK:         linalg.fill ins(%{{.*}}) outs(%[[PART]]
// CHECK-NOT:     memref.copy
func.func @nested(%n: index, %out: memref<?xf32>) {
  %one = arith.constant 1.0 : f32
  %c4 = arith.constant 4 : index
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<?xf32>)
  %b = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%b : memref<2xf32>)
  %c2 = arith.constant 2 : index
  %inner = arith.addi %n, %c2 : index
  %i = memref.alloc(%inner) : memref<?xf32>
  kernel.assemble parts(%a, %b : memref<?xf32>, memref<2xf32>) at [0, %n] outs(%i : memref<?xf32>)
  %c = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%c : memref<2xf32>)
  %all = arith.addi %n, %c4 : index
  %w = memref.alloc(%all) : memref<?xf32>
  kernel.assemble parts(%i, %c : memref<?xf32>, memref<2xf32>) at [0, %inner] outs(%w : memref<?xf32>)
  linalg.copy ins(%w : memref<?xf32>) outs(%out : memref<?xf32>)
  return
}

// -----

// A part that is written to later has memory of its own, and so has one that is read after the whole has changed.
// CHECK-LABEL: func.func @written
// CHECK:         memref.copy
func.func @written(%x: memref<2xf32>, %out: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  %a = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<2xf32>)
  kernel.assemble parts(%a, %x : memref<2xf32>, memref<2xf32>) at [0, 2] outs(%out : memref<4xf32>)
  linalg.copy ins(%x : memref<2xf32>) outs(%a : memref<2xf32>)
  return
}

// -----

// CHECK-LABEL: func.func @changed
// CHECK:         memref.copy
// CHECK:         memref.copy
func.func @changed(%x: memref<2xf32>, %y: memref<2xf32>, %out: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  %a = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<2xf32>)
  kernel.assemble parts(%a, %x : memref<2xf32>, memref<2xf32>) at [0, 2] outs(%out : memref<4xf32>)
  %start = memref.subview %out[0] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1]>>
  linalg.fill ins(%one : f32) outs(%start : memref<2xf32, strided<[1]>>)
  linalg.copy ins(%a : memref<2xf32>) outs(%y : memref<2xf32>)
  return
}

// -----

// The same part in two places is copied to both.
// CHECK-LABEL: func.func @twice
// CHECK-COUNT-2: memref.copy
func.func @twice(%out: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  %a = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<2xf32>)
  kernel.assemble parts(%a, %a : memref<2xf32>, memref<2xf32>) at [0, 2] outs(%out : memref<4xf32>)
  return
}

// -----

// An output is not there before its size is known, which a value of the run decides.
// CHECK-LABEL: func.func @late
// CHECK:         memref.copy
func.func @late(%counts: memref<1xindex>, %x: memref<?xf32>, %out: memref<?xf32>) -> index {
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %a = memref.alloc() : memref<2xf32>
  linalg.fill ins(%one : f32) outs(%a : memref<2xf32>)
  %n = memref.load %counts[%c0] : memref<1xindex>
  %size = arith.addi %n, %c2 : index
  kernel.assemble parts(%a, %x : memref<2xf32>, memref<?xf32>) at [0, 2] outs(%out : memref<?xf32>)
  return %size : index
}
