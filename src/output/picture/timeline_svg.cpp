#include "ppsim/output/picture/timeline_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "output/labels.hpp"
#include "output/picture/palette.hpp"
#include "output/picture/svg_boxes.hpp"
#include "output/picture/svg_text.hpp"
#include "output/picture/time_axis.hpp"
#include "ppsim/output/shown_run.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

// Pixels. A picture is as wide as a page of a browser at most, and wide enough for its title.
constexpr double kMostWidth = 1600;
constexpr double kLeastWidth = 940;
constexpr double kMargin = 20;
constexpr double kHeader = 74;
constexpr double kAxis = 42;
constexpr double kLegendLine = 24;
constexpr double kNarrowestOp = 26;  // that the picture grows for, up to kMostWidth
constexpr double kLabelSize = 12;
constexpr std::size_t kMostLabel = 40;  // characters

/// Rows shrink with their number, so that 64 ranks still fit a screen.
double row_height_for(std::size_t ranks) {
  if (ranks <= 8) return 36;
  if (ranks <= 16) return 24;
  if (ranks <= 32) return 18;
  return ranks <= 64 ? 12 : 6;
}

std::string layers_label(const Report& report, std::size_t rank) {
  const std::string layers = layers_phrase(report.per_rank[rank].layers);
  return layers.size() <= kMostLabel ? layers : layers.substr(0, kMostLabel - 3) + "...";
}

/// Pictures that stand one above the other have the same.
struct Scale {
  Time makespan{};  ///< what the axis is as long as
  Time shortest{};  ///< op
};

Scale scale_of(std::span<const ShownRun> runs) {
  Scale scale{Time(1), Time::max()};
  for (const ShownRun& run : runs) {
    scale.makespan = std::max(scale.makespan, run.report->makespan);
    scale.shortest =
        std::min(scale.shortest, shortest_op(*run.graph, *run.timeline).value_or(scale.shortest));
  }
  scale.shortest = std::min(scale.shortest, scale.makespan);
  return scale;
}

class Picture {
 public:
  Picture(const ShownRun& run, const Scale& scale)
      : name_(run.name.empty() ? run.report->schedule : run.name + ": " + run.report->schedule),
        graph_(*run.graph),
        report_(*run.report),
        chunks_(*run.graph) {
    const Report& report = report_;
    layout_.makespan = scale.makespan;
    layout_.row_height = row_height_for(report.ranks);
    layout_.row_pitch = layout_.row_height + (layout_.row_height >= 12 ? 4 : 1);
    layout_.top = kHeader;
    std::size_t longest = 0;
    for (std::size_t rank = 0; rank < report.per_rank.size(); ++rank) {
      longest = std::max(longest, layers_label(report, rank).size());
    }
    rank_label_ = text_width(5 + std::to_string(report.ranks).size(), kLabelSize);
    layout_.left = kMargin + rank_label_ + (longest > 0 ? 8 + text_width(longest, kLabelSize) : 0) + 8;
    const double per_op =
        static_cast<double>(scale.makespan.count()) / static_cast<double>(scale.shortest.count());
    layout_.width = std::clamp(kNarrowestOp * per_op, kLeastWidth - layout_.left - kMargin,
                               kMostWidth - layout_.left - kMargin);
    const std::uint64_t units = std::uint64_t{report.micro_batches} * report.slices * report.steps;
    layout_.most_digits = std::to_string(std::max<std::uint64_t>(1, units) - 1).size();
    layout_.number_size =
        std::clamp((layout_.width / per_op - 2) / digits_width(layout_.most_digits, 1), 7.0, 12.0);
    boxes_ = draw_boxes(graph_, *run.timeline, chunks_, layout_);
  }

  double width() const { return layout_.left + layout_.width + kMargin; }

  double height() const { return bottom() + kAxis + kLegendLine * (boxes_.merged_below > 0 ? 2 : 1) + 8; }

  std::string draw() const { return title() + rows() + axis() + boxes_.svg + legend(); }

 private:
  double bottom() const { return layout_.y(graph_.rank_count()) - (layout_.row_pitch - layout_.row_height); }

  std::string title() const {
    std::string figures = fmt::format("{}  \u00b7  {}  \u00b7  step time {}  \u00b7  bubble fraction {}",
                                      counted(report_.ranks, "rank"), work_text(report_),
                                      format_time(report_.makespan), percent(report_.bubble_fraction));
    if (!report_.forward_only) figures += peak_text();
    return fmt::format(
        "<text x=\"{0}\" y=\"34\" font-size=\"19\" font-weight=\"bold\">{1}</text>\n"
        "<text x=\"{0}\" y=\"56\" font-size=\"13\" fill=\"#52606d\" xml:space=\"preserve\">{2}</text>\n",
        kMargin, escape_xml(name_), figures);
  }

  std::string peak_text() const {
    std::size_t most = 0;
    for (std::size_t rank = 1; rank < report_.per_rank.size(); ++rank) {
      if (report_.per_rank[rank].peak_activation > report_.per_rank[most].peak_activation) most = rank;
    }
    const RankReport& peak = report_.per_rank[most];
    return fmt::format("  \u00b7  peak activation {} ({} in flight) on rank {}",
                       format_bytes(peak.peak_activation), peak.peak_activation_count, most);
  }

  /// Labels and the idle background. Where rows are lower than the text, only every few rows have a label.
  std::string rows() const {
    std::string text = "<g fill=\"#eef1f4\">\n";
    for (std::size_t rank = 0; rank < graph_.rank_count(); ++rank) {
      text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                          layout_.left, layout_.y(rank), layout_.width, layout_.row_height);
    }
    text += fmt::format("</g>\n<g font-size=\"{}\">\n", kLabelSize);
    const auto every =
        static_cast<std::size_t>(std::max(1.0, std::ceil((kLabelSize + 1) / layout_.row_pitch)));
    for (std::size_t rank = 0; rank < graph_.rank_count(); rank += every) {
      const double y = layout_.y(rank) + layout_.row_height / 2 + 0.36 * kLabelSize;
      text += fmt::format("<text x=\"{}\" y=\"{:.1f}\">rank {}</text>\n", kMargin, y, rank);
      const std::string layers = layers_label(report_, rank);
      if (layers.empty()) continue;
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#7b8794\">{}</text>\n",
                          kMargin + rank_label_ + 8, y, layers);
    }
    return text + "</g>\n";
  }

  std::string axis() const {
    const TimeAxis axis = make_time_axis(layout_.makespan, static_cast<std::size_t>(layout_.width / 90));
    const double y = bottom();
    std::string lines;
    std::string labels;
    for (const TimeAxis::Tick& tick : axis.ticks) {
      const double x = layout_.x(tick.at);
      lines += fmt::format("M{:.1f} {:.1f}V{:.1f}", x, layout_.top - 4, y + 6);
      labels += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}{}</text>\n", x, y + 20, tick.label,
                            &tick == &axis.ticks.back() ? " " + axis.unit : "");
    }
    return fmt::format(
        "<path d=\"{}\" stroke=\"#cbd2d9\" stroke-width=\"1\" fill=\"none\"/>\n"
        "<g font-size=\"11\" text-anchor=\"middle\" fill=\"#52606d\">\n{}</g>\n",
        lines, labels);
  }

  std::string legend() const {
    const std::size_t chunks = chunks_.most_chunks();
    double x = layout_.left;
    const double y = bottom() + kAxis + 4;
    std::string text = fmt::format("<g font-size=\"{}\">\n", kLabelSize);
    const auto add = [&](const std::string& label, const std::vector<std::string>& colors) {
      for (const std::string& color : colors) {
        text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"16\" height=\"14\" fill=\"{}\"/>\n", x,
                            y - 11, color);
        x += 16;
      }
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x + 6, y, label);
      x += 6 + text_width(label.size(), kLabelSize) + 16;
    };
    for (const OpKind kind : boxes_.kinds) {
      const std::size_t shades = is_compute(kind) ? chunks : 1;
      std::vector<std::string> colors;
      for (std::size_t chunk = 0; chunk < shades; ++chunk) colors.push_back(fill_color(kind, chunk, chunks));
      add(std::string(long_name(kind)) + (shades > 1 ? fmt::format(", chunks 0-{}", shades - 1) : ""),
          colors);
    }
    add("idle", {"#eef1f4"});
    if (boxes_.numbered) {
      text += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#7b8794\">numbers: micro-batches, counted from 0</text>\n",
          x, y);
    }
    if (boxes_.merged_below > 0) text += merged_note(y + kLegendLine);
    return text + "</g>\n";
  }

  std::string merged_note(double y) const {
    return fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#7b8794\">ops narrower than {:.0f} px are merged: heights "
        "show "
        "each kind's share of the time</text>\n",
        layout_.left, y, boxes_.merged_below);
  }

  std::string name_;
  const OpGraph& graph_;
  const Report& report_;
  ChunkIndex chunks_;
  BoxLayout layout_;
  double rank_label_ = 0;
  Boxes boxes_;
};

std::string document(double width, double height, std::string_view title, std::string_view content) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" fill=\"#1f2933\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{3}</svg>\n",
      width, height, escape_xml(title), content);
}

}  // namespace

std::string timeline_svg(const OpGraph& graph, const Timeline& timeline, const Report& report) {
  const ShownRun run{"", &graph, &timeline, nullptr, &report};
  const Picture picture(run, scale_of({&run, 1}));
  return document(picture.width(), picture.height(), report.schedule, picture.draw());
}

std::string timelines_svg(std::span<const ShownRun> runs) {
  const Scale scale = scale_of(runs);
  std::string content;
  double width = 0, height = 0;
  for (const ShownRun& run : runs) {
    const Picture picture(run, scale);
    content += fmt::format("<g transform=\"translate(0 {:.0f})\">\n{}</g>\n", height, picture.draw());
    width = std::max(width, picture.width());
    height += picture.height();
  }
  return document(width, height, runs.front().report->schedule, content);
}

}  // namespace ppsim
