#include "replay/timed_step.hpp"

#include <algorithm>

namespace ppsim {
namespace {

// One is taken in while the next waits for its turn, as with double buffering.
constexpr std::uint32_t kReceivesAhead = 2;

}  // namespace

TimedStep::TimedStep(const RankProgram& program, Transport& transport, Time patience, MessageBuffers& buffers,
                     MatrixWork* work)
    : StepRun(program, transport, patience, kReceivesAhead),
      buffers_(buffers),
      work_(work),
      incoming_(program.receives.size()),
      requests_(program.services.size()) {}

bool TimedStep::is_computed(std::uint32_t vertex) const {
  return work_ != nullptr && is_compute(program_.graph.ops(program_.first + vertex).front().kind);
}

void TimedStep::start(std::uint32_t vertex, Time at) {
  const Time duration = program_.durations[vertex];
  if (is_computed(vertex)) {
    computed_.push_back({vertex, work_->rows_that_last(duration)});
    if (computed_.size() == 1) times_.start[vertex] = clock_now();
  } else {
    times_.start[vertex] = clock_now();
    waited_.push_back({at + duration, vertex});
  }
}

Time TimedStep::advance() {
  if (!computed_.empty()) compute();
  const Time next = end_waits();
  return computed_.empty() ? next : Time{};  // at once: there is more to compute
}

void TimedStep::compute() {
  Computed& first = computed_.front();
  if (first.rows > 0) first.rows = work_->compute_some(first.rows);
  if (first.rows > 0) return;
  const std::uint32_t vertex = first.vertex;
  computed_.pop_front();
  if (!computed_.empty()) times_.start[computed_.front().vertex] = clock_now();
  finish(vertex, clock_now());
}

// Ends what is due. When the next will be.
Time TimedStep::end_waits() {
  while (!waited_.empty()) {
    const auto first = std::min_element(waited_.begin(), waited_.end(),
                                        [](const Waited& a, const Waited& b) { return a.end < b.end; });
    if (first->end > clock_now()) return first->end;
    const Waited done = *first;
    waited_.erase(first);
    finish(done.vertex, done.end);
  }
  return Time::max();
}

void TimedStep::finish(std::uint32_t vertex, Time due) {
  times_.finish[vertex] = clock_now();
  run_.finish(vertex, due);
}

void TimedStep::depart(std::uint32_t send, Time) {
  times_.departure[send] = clock_now();
  post_send(send, buffers_.outgoing(program_.sends[send]));
}

void TimedStep::end_send(std::uint32_t send) {
  run_.sent(send, clock_now());
}

void TimedStep::arrive(std::uint32_t receive) {
  buffers_.give_back(incoming_[receive]);
  times_.arrival[receive] = clock_now();
  run_.arrived(receive, times_.arrival[receive]);
}

std::span<std::byte> TimedStep::receive_buffer(std::uint32_t receive) {
  return incoming_[receive] = buffers_.take(program_.receives[receive]);
}

std::span<std::byte> TimedStep::request_buffer(std::uint32_t service) {
  return requests_[service] = buffers_.take(program_.services[service].request);
}

std::span<const std::byte> TimedStep::answer(std::uint32_t service) {
  buffers_.give_back(requests_[service]);
  return buffers_.outgoing(program_.services[service].answer);
}

}  // namespace ppsim
