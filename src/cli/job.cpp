#include "cli/job.hpp"
#include "replay/job.hpp"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>

#include "replay/gpu/gpu_replay.hpp"
#include "text/quantity.hpp"

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
  if (arguments.backend == "cuda-nccl" && !has_cuda())
    throw Error(
        "--backend",
        "this build has no CUDA, which cuda-nccl needs: install the CUDA toolkit (nvcc) and NCCL and build "
        "anew");
  if (arguments.backend == "host-mpi" && !has_mpi())
    throw Error("--backend",
                "this build has no MPI, which host-mpi needs: install libopenmpi-dev and build anew, or use "
                "host-tcp");
}

// By MPI where that has launched this process, and else by TCP: torchrun, or srun without an MPI of its own.
bool joins_by_mpi(const JobArguments& arguments) {
  if (arguments.backend != "cuda-nccl") return arguments.backend == "host-mpi";
  if (!has_mpi() || std::getenv("RANK") != nullptr) return false;
  const auto names = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  return std::any_of(names.begin(), names.end(),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

std::unique_ptr<Job> join_job(const JobArguments& arguments, Time patience) {
  const JobOptions options{patience, &received_signal, [](const std::string& line) {
                             say(line);
                             _exit(kFailed);
                           }};
  return joins_by_mpi(arguments) ? join_mpi_job(options) : join_tcp_job(options);
}

// The other ranks wait for this one: they end with it.
int end_job(Job& job, const std::string& line) {
  job.hand_over(line);
  say(line);
  job.abort();
  return kFailed;
}

int run_in(Job& job, Time patience, const std::function<int(Group&)>& body) {
  const Rank rank = job.transport().rank();
  try {
    Group group(job.transport(), patience);
    return body(group);
  } catch (const NoGpu& failure) {
    if (rank == Rank{0}) say(failure.what());
    return kSkipped;
  } catch (const JointError& failure) {
    if (rank == Rank{0}) say(failure.what());
    return kFailed;
  } catch (const GpuFailure& failure) {
    return end_job(job, fmt::format("rank {}: {}", index(rank), failure.what()));
  } catch (const std::exception& failure) {
    return end_job(job, failure.what());
  }
}

}  // namespace

void JobArguments::declare(CLI::App& app) {
  app.add_option(
         "--backend", backend,
         "Processes on CPUs: host-mpi (under mpirun), or host-tcp (under torchrun or srun, or with RANK, "
         "WORLD_SIZE and MASTER_ADDR set by hand); or cuda-nccl, a process a GPU, under any of them")
      ->check(CLI::IsMember({"host-mpi", "host-tcp", "cuda-nccl"}))
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
  std::unique_ptr<Job> job;
  try {
    job = join_job(arguments, patience);
  } catch (const JointError&) {
    return kFailed;  // another rank says it
  } catch (const ReplayError& failure) {
    say(failure.what());
    return kFailed;
  }
  return run_in(*job, patience, body);
}

int agree_on_fault(Group& group, const JobFault& own) {
  const std::string fault = group.first_fault(own.line);
  if (fault.empty()) return 0;
  if (group.is_first()) say(fault);
  return own.code == 0 ? kUsage : own.code;
}

}  // namespace ppsim::cli
