#include "job.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <exception>

#include "ppsim/io/quantity.hpp"
#include "ppsim/replay/job.hpp"

namespace ppsim::cli {
namespace {

volatile std::sig_atomic_t received_signal = 0;

// The second one ends the process as ever.
void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { received_signal = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

void check_backend(const JobArguments& arguments) {
  if (arguments.backend == "cuda-nccl") throw Error("--backend", "this build has no CUDA backend");
  if (!has_mpi())
    throw Error("--backend",
                "this build has no MPI, which host-mpi needs: install libopenmpi-dev and build anew");
}

}  // namespace

void JobArguments::declare(CLI::App& app) {
  app.add_option("--backend", backend, "host-mpi (processes on CPUs) or cuda-nccl")
      ->check(CLI::IsMember({"host-mpi", "cuda-nccl"}))
      ->type_name("NAME");
  app.add_option("--timeout", timeout,
                 "Give up where nothing comes for so long, beyond what ops take; default 20 s")
      ->type_name("TIME");
}

void say(std::string_view line) {
  note(fmt::format("ppsim: {}", line));
}

int run_in_job(const JobArguments& arguments, const std::function<int(Group&)>& body) {
  check_backend(arguments);
  const Time patience = parse_time(arguments.timeout, "--timeout");
  listen_to_signals();
  const auto job = join_mpi_job({patience, &received_signal, [](const std::string& line) {
                                   say(line);
                                   _exit(kFailed);
                                 }});
  try {
    Group group(job->transport(), patience);
    return body(group);
  } catch (const JointError& failure) {
    if (job->transport().rank() == Rank{0}) say(failure.what());
    return kFailed;
  } catch (const std::exception& failure) {
    // The other ranks wait for this one: they end with it.
    job->hand_over(failure.what());
    say(failure.what());
    job->abort();
    return kFailed;
  }
}

int agree_on_fault(Group& group, const JobFault& own) {
  const std::string fault = group.first_fault(own.line);
  if (fault.empty()) return 0;
  if (group.is_first()) say(fault);
  return own.code == 0 ? kUsage : own.code;
}

}  // namespace ppsim::cli
