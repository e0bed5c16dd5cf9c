// Steps of make_plan that the schedule check takes one by one.
#pragma once

#include "ppsim/explore/run/run.hpp"

namespace ppsim {

/// Holds a schedule that was read from the config's file against `parallelism`: ranks, micro-batches, stages.
/// Indices past the micro-batches of a forward-only file are the token steps of inference. Throws Error
/// (where: the file).
void fit_to_config(const Config& config, Schedule& schedule);

/// Faults of the order, then of the sends and receives that the programs bring.
[[nodiscard]] std::vector<Fault> check_programs(const Schedule& schedule);

/// What `schedule` runs; of weight versions it knows nothing.
[[nodiscard]] RunShape shape_of(const Schedule& schedule);

/// Costs of the stages that `schedule` has.
[[nodiscard]] Workload workload_for(const Config& config, const Schedule& schedule);

/// Calls `body`; an Error that points into the config ("/schedule/name", or "" for all of it) is thrown on
/// with the file that holds the place. Not for what reads other files: their paths may begin with "/" too.
template <class Body>
auto located(const Config& config, Body body) {
  try {
    return body();
  } catch (const DeadlockError&) {
    throw;
  } catch (const Error& error) {
    throw Error(locate(config, error.fault().where), error.fault().what);
  }
}

}  // namespace ppsim
