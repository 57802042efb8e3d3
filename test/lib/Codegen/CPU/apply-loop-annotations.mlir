// RUN: onnxc-opt %s --apply-loop-annotations | FileCheck %s

// CHECK-LABEL: llvm.func @loop
// CHECK: llvm.br ^bb1 {loop_annotation = #{{.*}}}
// CHECK-NOT: llvm.loop_annotation
#unroll = #llvm.loop_unroll<disable = true>
#keep = #llvm.loop_annotation<unroll = #unroll>
llvm.func @loop() {
  llvm.br ^bb1
^bb1:
  llvm.br ^bb1 {llvm.loop_annotation = #keep}
}
