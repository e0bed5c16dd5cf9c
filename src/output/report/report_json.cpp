#include <string>

#include "output/report_document.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

Json make_causes(const RankBubbles& bubbles) {
  Json causes = Json::object();
  for (std::size_t i = 0; i < kIdleCauses; ++i) {
    causes[std::string(name(static_cast<IdleCause>(i)))] = bubbles.idle_by_cause[i].count();
  }
  return causes;
}

/// [[1, 4], [17, 20]]: counted from 1, both ends included; empty where layers are not known.
Json make_layers(const std::vector<LayerRange>& layers) {
  Json ranges = Json::array();
  for (const LayerRange range : layers) {
    if (range.count > 0) ranges.push_back({range.first + 1, range.first + range.count});
  }
  return ranges;
}

Json make_rank(std::size_t rank, const RankReport& report) {
  Json stages = Json::array();
  for (const Stage stage : report.stages) stages.push_back(index(stage));
  Json entry = {{"rank", rank},
                {"stages", std::move(stages)},
                {"layers", make_layers(report.layers)},
                {"busy_ns", report.bubbles.busy.count()},
                {"idle_ns", report.bubbles.idle.count()},
                {"idle_by_cause_ns", make_causes(report.bubbles)},
                {"span_ns", report.bubbles.span.count()},
                {"tensor_comm_ns", report.tensor_comm.count()},
                {"peak_activation_bytes", report.peak_activation.count()},
                {"peak_activation_count", report.peak_activation_count},
                {"peak_activation_at_ns", report.peak_activation_at.count()},
                {"kv_cache_bytes", report.kv_cache.count()},
                {"weights_bytes", report.weights.count()},
                {"gradients_bytes", report.gradients.count()},
                {"optimizer_bytes", report.optimizer.count()},
                {"buffers_bytes", report.buffers.count()},
                {"static_bytes", report.static_bytes().count()},
                {"working_bytes", report.working.count()},
                {"reserve_bytes", report.reserve().count()},
                {"peak_memory_bytes", report.peak_memory.count()}};
  if (report.measured_memory) entry["measured_memory_bytes"] = report.measured_memory->count();
  if (report.other_comm > Time(0)) entry["other_comm_ns"] = report.other_comm.count();
  return entry;
}

Json make_number(Time time) {
  return time.count();
}
Json make_number(double number) {
  return number;
}

template <class Number>
Json make_summary(const Summary<Number>& summary) {
  return {{"p50", make_number(summary.p50)}, {"p95", make_number(summary.p95)},
          {"p99", make_number(summary.p99)}, {"mean", make_number(summary.mean)},
          {"min", make_number(summary.min)}, {"max", make_number(summary.max)}};
}

Json make_runs(const RunsReport& runs) {
  return {{"count", runs.count},
          {"step_time_ns", make_summary(runs.step_time)},
          {"bubble_fraction", make_summary(runs.bubble_fraction)}};
}

}  // namespace

Json make_document_head(const Config& config) {
  Json head = {{"ppsim_version", std::string(version())},
               {"schema_version", kReportSchema},
               {"config_hash", config.hash},
               {"seed", config.simulation.seed},
               {"communication", std::string(name(config.simulation.communication))},
               {"contention", config.simulation.contention.name()}};
  if (config.simulation.detail != Detail::Folded) head["detail"] = name(config.simulation.detail);
  return head;
}

Json make_report_body(const Report& report) {
  Json body = {{"schedule", report.schedule},
               {"ranks", report.ranks},
               {"stages", report.stages},
               {"micro_batches", report.micro_batches},
               {"forward_only", report.forward_only},
               {"makespan_ns", report.makespan.count()},
               {"bubble_fraction", report.bubble_fraction},
               {"bubble_ratio", report.bubble_ratio},
               {"max_rank_span_ns", report.max_rank_span.count()},
               {"span_bubble_fraction", report.span_bubble_fraction},
               {"tensor_comm_fraction", report.tensor_comm_fraction}};
  if (report.other_comm_fraction > 0) body["other_comm_fraction"] = report.other_comm_fraction;
  if (report.slices > 1) body["slices"] = report.slices;
  if (report.steps > 1) body["steps"] = report.steps;
  if (report.forward_only) body["decode_steps"] = report.decode_steps;
  if (report.tokens_per_second) body["tokens_per_second"] = *report.tokens_per_second;
  if (report.mfu) body["mfu"] = *report.mfu;
  if (report.gpus) body["gpus"] = *report.gpus;
  if (report.gpu_memory) body["gpu_memory_bytes"] = report.gpu_memory->count();
  body["fits"] = report.fits();
  body["per_rank"] = Json::array();
  for (std::size_t rank = 0; rank < report.per_rank.size(); ++rank) {
    body["per_rank"].push_back(make_rank(rank, report.per_rank[rank]));
  }
  body["assumptions"] = report.assumptions;
  return body;
}

std::string report_json(const Report& report, const Config& config, const RunsReport* runs) {
  Json document = make_document_head(config);
  document.update(make_report_body(report));
  if (runs != nullptr) document[runs->measured ? "measured_steps" : "runs"] = make_runs(*runs);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
