// RUN: onnxc-opt %s --fold-views=least-bytes=16 | FileCheck %s

// A constant that is transposed or widened is another one, whose bytes are not made yet.
// CHECK-LABEL: func.func @transposed
// CHECK:       %[[T:.*]] = arith.constant #kernel.view<dense_resource<w> : tensor<2x3xf32>, offset 0, strides [1, 3]> : tensor<3x2xf32>
// CHECK:       return %[[T]]
func.func @transposed() -> tensor<3x2xf32> {
  %w = arith.constant dense_resource<w> : tensor<2x3xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  return %t : tensor<3x2xf32>
}

#id = affine_map<(d0, d1) -> (d0, d1)>
// So is one that is both, and behind a reshape.
// CHECK-LABEL: func.func @widened
// CHECK:       %[[T:.*]] = arith.constant #kernel.view<dense_resource<h> : tensor<6xf16>, offset 0, strides [1, 3]> : tensor<3x2xf32>
// CHECK:       return %[[T]]
func.func @widened() -> tensor<3x2xf32> {
  %h = arith.constant dense_resource<h> : tensor<6xf16>
  %m = tensor.expand_shape %h [[0, 1]] output_shape [2, 3] : tensor<6xf16> into tensor<2x3xf16>
  %e = tensor.empty() : tensor<2x3xf32>
  %f = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<2x3xf16>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%x: f16, %o: f32):
    %y = arith.extf %x : f16 to f32
    linalg.yield %y : f32
  } -> tensor<2x3xf32>
  %u = tensor.empty() : tensor<3x2xf32>
  %t = linalg.transpose ins(%f : tensor<2x3xf32>) outs(%u : tensor<3x2xf32>) permutation = [1, 0]
  return %t : tensor<3x2xf32>
}

// A small one stays where passes can look at it.
// CHECK-LABEL: func.func @small
// CHECK:       linalg.transpose
func.func @small() -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32>
  %e = tensor.empty() : tensor<1x3xf32>
  %t = linalg.transpose ins(%w : tensor<3x1xf32>) outs(%e : tensor<1x3xf32>) permutation = [1, 0]
  return %t : tensor<1x3xf32>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x040000000000803F0000004000004040000080400000A0400000C040",
      h: "0x02000000003C00400042004400450046"
    }
  }
#-}
