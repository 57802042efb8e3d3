//===- lib/Pch.cpp -----------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Carries the precompiled header (Pch.h) that the other libraries reuse.
