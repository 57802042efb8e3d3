//===- tools/onnxc/Limits.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The limits are those of the system, so nothing that the compiler does gets past them. See Limits.h.
#include "tools/onnxc/Limits.h"
#include "lib/Emit/Link.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <sys/resource.h>
#include <unistd.h>

/// What a handler of signals can say: it must not allocate.
static char timeMessage[512], memoryMessage[512], fileMessage[512];

static void setMessage(char (&message)[512], const std::string &model, const std::string &what) {
  std::string text = model.substr(0, 300) + ": error: " + what + "\n";
  std::strncpy(message, text.c_str(), sizeof message - 1);
}

/// Says `message`, takes temporary files away, and ends the program.
[[noreturn]] static void end(const char *message) {
  llvm::sys::RunInterruptHandlers();
  (void)!write(STDERR_FILENO, message, std::strlen(message));
  _exit(1);
}

static void onAlarm(int) { end(timeMessage); }
static void onBusError(int) { end(fileMessage); }
static void onOutOfMemory() { end(memoryMessage); }

static void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

std::string Limits::enforce(const std::string &model) const {
  onnxc::removesFilesOnSignals = true;
  // LLVM sets its handlers when it first needs them; ours come after.
  llvm::sys::AddSignalHandler([](void *) {}, nullptr);
  setMessage(fileMessage, model, "a file was cut off, or could not be read, while it was in use");
  handle(SIGBUS, onBusError);
  setMessage(memoryMessage, model,
             memory ? "more memory is needed than --limit-memory allows" : "there is not enough memory");
  std::set_new_handler(onOutOfMemory);
  if (memory)
    std::set_terminate(onOutOfMemory); // a thread that can't be started has no memory for its stack
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { onOutOfMemory(); });
  auto set = [](int resource, uint64_t value) {
    struct rlimit limit;
    if (getrlimit(resource, &limit))
      return false;
    limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
    return setrlimit(resource, &limit) == 0;
  };
  if (seconds) {
    setMessage(timeMessage, model, "not done after " + std::to_string(seconds) + " s, which --limit-time allows");
    handle(SIGALRM, onAlarm);
    alarm(static_cast<unsigned>(std::min<uint64_t>(seconds, 1u << 31)));
  }
  if (memory && !set(RLIMIT_DATA, memory))
    return std::string("--limit-memory: ") + std::strerror(errno);
  if (output) {
    std::signal(SIGXFSZ, SIG_IGN); // a write fails instead
    if (!set(RLIMIT_FSIZE, output))
      return std::string("--limit-output: ") + std::strerror(errno);
  }
  return "";
}
