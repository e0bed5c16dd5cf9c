// Parameters are found again in samples that were made of them; what samples cannot tell is named.
#include "explore/fit/fit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "input/scratch.hpp"

namespace ppsim::fit_test {
namespace {

using doctest::Approx;
using test::error_of;

// The engine's numbers are the standard's; its distributions are not.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}

  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

  /// Of standard deviation 1: the sum of twelve uniforms.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

 private:
  std::mt19937_64 engine_;
};

using Row = std::vector<double>;
using Model = std::function<double(const Row&, std::span<const double>)>;

struct Measured {
  std::vector<Row> rows;
  std::vector<double> times;
  FitSamples samples;  // one table, every sample its own group

  PredictSamples predict(Model model) const {
    return [this, model](std::span<const double> values, std::span<double> log_ratios) {
      for (std::size_t i = 0; i < rows.size(); ++i)
        log_ratios[i] = std::log(model(rows[i], values) / times[i]);
    };
  }
};

struct Noise {
  double sigma = 0;
  double outliers = 0;  // share, each 1.5 to 4 times what it should be
};

Measured measure_with(const Model& model, const std::vector<double>& truth, std::size_t count, Noise noise) {
  Draws draws(7);
  Measured measured;
  for (std::size_t i = 0; i < count; ++i) {
    Row row;
    for (int k = 0; k < 4; ++k) row.push_back(std::exp(1.5 * draws.normal()));
    double time = model(row, truth) * std::exp(noise.sigma * draws.normal());
    if (draws.uniform() < noise.outliers) time *= 1.5 + 2.5 * draws.uniform();
    measured.rows.push_back(row);
    measured.times.push_back(time);
    measured.samples.group.push_back(static_cast<std::uint32_t>(i));
    measured.samples.table.push_back(0);
  }
  return measured;
}

FitParameter logarithmic(const std::string& name, double least, double most, double start) {
  return {name, least, most, start, true};
}

// Work over a rate, bytes over another, whichever takes longer, and a latency: as operators are.
double roofline(const Row& row, std::span<const double> v) {
  return std::max(row[0] / v[0], row[1] / v[1]) + row[2] * v[2];
}

const std::vector<FitParameter> kRoofline = {
    logarithmic("compute", 0.1, 10, 1), logarithmic("memory", 0.1, 10, 1), {"latency", 0, 2, 1, false}};

// The same prediction for every sample: `value` itself.
PredictSamples constant(const std::vector<double>& times) {
  return [times](std::span<const double> values, std::span<double> log_ratios) {
    for (std::size_t i = 0; i < times.size(); ++i) log_ratios[i] = std::log(values[0] / times[i]);
  };
}

FitSamples one_table(std::size_t count) {
  FitSamples samples{std::vector<std::uint32_t>(count), std::vector<std::uint32_t>(count), {}};
  for (std::size_t i = 0; i < count; ++i) samples.group[i] = static_cast<std::uint32_t>(i);
  return samples;
}

const std::vector<FitParameter> kConstant = {logarithmic("value", 0.1, 10, 0.5)};

}  // namespace

TEST_CASE("A fit finds the parameters that samples were made of, noise and a tenth of outliers or not") {
  const std::vector<double> truth = {3, 0.4, 0.25};
  const Measured measured = measure_with(roofline, truth, 300, {0.03, 0.1});
  const FitResult result = fit(kRoofline, measured.samples, measured.predict(roofline), {});
  CHECK(result.converged);
  CHECK(result.predictions <= 150);
  for (std::size_t p = 0; p < truth.size(); ++p) {
    CAPTURE(result.parameters[p].name);
    REQUIRE(result.parameters[p].standard_error);
    CHECK(result.parameters[p].verdict == FitVerdict::Identified);
    CHECK(std::abs(result.parameters[p].value - truth[p]) < 3 * *result.parameters[p].standard_error);
    CHECK(result.parameters[p].value == Approx(truth[p]).epsilon(0.05));
  }
}

TEST_CASE("Predictions in whole steps of a millionth are smooth enough to fit") {
  const std::vector<double> truth = {3, 0.4, 0.25};
  const Model whole = [](const Row& row, std::span<const double> v) {
    return std::round(roofline(row, v) * 1e6) / 1e6;
  };
  const Measured measured = measure_with(whole, truth, 100, {});
  const FitResult result = fit(kRoofline, measured.samples, measured.predict(whole), {});
  for (std::size_t p = 0; p < truth.size(); ++p)
    CHECK(result.parameters[p].value == Approx(truth[p]).epsilon(1e-3));
}

TEST_CASE("A parameter without influence is named, and keeps its default to the digit") {
  const Measured measured = measure_with(roofline, {3, 0.4, 0.25}, 100, {0.03, 0.1});
  std::vector<FitParameter> parameters = kRoofline;
  parameters.push_back(logarithmic("useless", 0.001, 7, 0.3));
  const FitResult result = fit(parameters, measured.samples, measured.predict(roofline), {});
  const FittedParameter& useless = result.parameters[3];
  CHECK(useless.verdict == FitVerdict::Unidentified);
  CHECK(useless.value == 0.3);
  CHECK_FALSE(useless.standard_error);
  CHECK(useless.sensitivity.ten_percent == 0);
  for (int p = 0; p < 3; ++p) CHECK(result.parameters[p].verdict == FitVerdict::Identified);
}

TEST_CASE(
    "Of two parameters that occur only as a product one keeps its default, and the other makes up for it") {
  // Without noise, and in whole steps, whose differences look as if the two could be told apart.
  const Model product = [](const Row& row, std::span<const double> v) {
    return std::round((row[0] * v[0] * v[1] + row[1] * v[2]) * 1e6) / 1e6;
  };
  const Measured measured = measure_with(product, {2, 0.5, 0.3}, 100, {});
  const std::vector<FitParameter> parameters = {
      logarithmic("a", 0.01, 100, 1), logarithmic("b", 0.1, 10, 0.8), logarithmic("c", 0.01, 100, 1)};
  const FitResult result = fit(parameters, measured.samples, measured.predict(product), {});
  // b: half the range of a, so that it is the less certain in ranges.
  CHECK(result.parameters[1].verdict == FitVerdict::Unidentified);
  CHECK(result.parameters[1].value == 0.8);
  CHECK(result.parameters[0].value == Approx(2 * 0.5 / 0.8).epsilon(0.02));
  CHECK(result.correlation[0][1] == Approx(-1).epsilon(1e-3));
  CHECK(std::abs(result.correlation[0][2]) < 0.1);
}

TEST_CASE("A default that the samples exclude is not kept, though they say no more") {
  const Model product = [](const Row& row, std::span<const double> v) { return row[0] * v[0] * v[1]; };
  const Measured measured = measure_with(product, {8, 8}, 50, {0.02, 0});
  // 64 is made of 8 x 8, 6.4 x 10 and more, and neither of 1 x 10 nor of 10 x 1.
  const std::vector<FitParameter> parameters = {logarithmic("a", 0.1, 10, 1), logarithmic("b", 0.1, 10, 1)};
  const FitResult result = fit(parameters, measured.samples, measured.predict(product), {});
  for (const FittedParameter& one : result.parameters) CHECK(one.verdict == FitVerdict::Ambiguous);
  CHECK(result.parameters[0].value * result.parameters[1].value == Approx(64).epsilon(0.02));
}

TEST_CASE("A search that begins where nothing matters finds its way from another start") {
  const Model plateau = [](const Row& row, std::span<const double> v) {
    return std::max(row[0] * v[0], 1.0);
  };
  Measured measured = measure_with(plateau, {5}, 100, {0.02, 0});
  double widest = 0;
  for (const Row& row : measured.rows) widest = std::max(widest, row[0]);
  const double flat = 0.9 / widest;  // times any row's: below 1
  const std::vector<FitParameter> parameters = {logarithmic("rate", flat / 2, 10, flat)};
  CHECK(fit(parameters, measured.samples, measured.predict(plateau), {}).parameters[0].value ==
        Approx(5).epsilon(0.02));
  const FitResult alone = fit(parameters, measured.samples, measured.predict(plateau), {.starts = 1});
  CHECK(alone.parameters[0].value == flat);
  CHECK(alone.parameters[0].verdict == FitVerdict::Unidentified);
}

TEST_CASE("Values stay within their bounds, in the result and in every prediction") {
  const Measured measured = measure_with(roofline, {30, 0.4, 5}, 100, {0.03, 0.1});
  const PredictSamples predict = measured.predict(roofline);
  bool within = true;
  const PredictSamples watched = [&](std::span<const double> values, std::span<double> log_ratios) {
    for (std::size_t p = 0; p < values.size(); ++p)
      within = within && values[p] >= kRoofline[p].least && values[p] <= kRoofline[p].most;
    predict(values, log_ratios);
  };
  const FitResult result = fit(kRoofline, measured.samples, watched, {});
  CHECK(within);
  CHECK(result.parameters[2].value == 2);  // its upper bound: the truth is 5
}

TEST_CASE("The same input gives the same result, and the seed moves only what is held out") {
  const Measured measured = measure_with(roofline, {3, 0.4, 0.25}, 60, {0.05, 0.1});
  const auto run = [&](std::uint64_t seed) {
    return fit(kRoofline, measured.samples, measured.predict(roofline), {.seed = seed});
  };
  const FitResult one = run(1), again = run(1), other = run(2);
  CHECK(one.log_ratios == again.log_ratios);
  CHECK(one.held_out_ratios == again.held_out_ratios);
  CHECK(one.predictions == again.predictions);
  CHECK(one.log_ratios == other.log_ratios);
  CHECK(one.held_out_ratios != other.held_out_ratios);
}

TEST_CASE("Where parameters outnumber data, what is held out is predicted worse than what was fitted") {
  // Times that nothing explains: noise of a third.
  const Model sum = [](const Row& row, std::span<const double> v) {
    double time = 0;
    for (std::size_t p = 0; p < v.size(); ++p)
      time += v[p] * std::pow(row[p % 4], 0.1 * static_cast<double>(p));
    return time;
  };
  const Measured measured = measure_with(sum, std::vector<double>(8, 1.0), 6, {0.3, 0});
  std::vector<FitParameter> parameters;
  for (int p = 0; p < 8; ++p) parameters.push_back(logarithmic("p" + std::to_string(p), 0.01, 100, 1));
  const FitResult result = fit(parameters, measured.samples, measured.predict(sum), {});
  REQUIRE(result.held_out);
  CHECK(result.held_out->overall.mean_absolute > 1.5 * result.errors.overall.mean_absolute);
}

TEST_CASE("A group is held out as a whole") {
  // One group measured 1, the other 2: each is predicted by the other, whatever its size.
  const std::vector<double> times = {1, 1, 1, 2, 2};
  FitSamples samples = one_table(5);
  samples.group = {4, 4, 4, 9, 9};
  const FitResult result = fit(kConstant, samples, constant(times), {});
  for (std::size_t i = 0; i < times.size(); ++i)
    CHECK(result.held_out_ratios[i] == Approx(i < 3 ? std::log(2) : -std::log(2)).epsilon(1e-3));
  REQUIRE(result.held_out);
  CHECK(result.held_out->overall.mean_absolute == Approx((3 * 1 + 2 * 0.5) / 5).epsilon(1e-3));
  CHECK(result.held_out->overall.bias == Approx((3 * 1 - 2 * 0.5) / 5).epsilon(1e-3));
  samples.group.assign(5, 0);
  CHECK_FALSE(fit(kConstant, samples, constant(times), {}).held_out);
  CHECK_FALSE(fit(kConstant, samples, constant(times), {.folds = 1}).held_out);
}

TEST_CASE("A table counts by its weight, not by how many samples it has") {
  std::vector<double> times(70, 1.0);
  times.insert(times.end(), 2, 2.0);
  FitSamples samples = one_table(times.size());
  for (std::size_t i = 70; i < 72; ++i) samples.table[i] = 1;
  // Huber's slopes balance: the heavier pulls by 0.75 x its distance, the lighter by 0.25 x 0.05.
  samples.table_weight = {1, 3};
  const FitResult few = fit(kConstant, samples, constant(times), {});
  CHECK(std::log(few.parameters[0].value) == Approx(std::log(2) - 0.05 / 3).epsilon(1e-3));
  CHECK(few.errors.tables[0].samples == 70);
  CHECK(few.errors.tables[1].bias == Approx(std::expm1(-0.05 / 3)).epsilon(1e-2));
  samples.table_weight = {3, 1};
  CHECK(std::log(fit(kConstant, samples, constant(times), {}).parameters[0].value) ==
        Approx(0.05 / 3).epsilon(1e-2));
}

TEST_CASE("The standard error of a mean is that of textbooks, and a percent moved is a percent of error") {
  std::vector<double> times;
  Draws draws(3);
  for (int i = 0; i < 40; ++i) times.push_back(std::exp(0.01 * draws.normal()));
  double mean = 0, squares = 0;
  for (const double time : times) mean += std::log(time) / 40;
  for (const double time : times) squares += std::pow(std::log(time) - mean, 2);
  const FitResult result = fit(kConstant, one_table(40), constant(times), {});
  // All errors are below Huber's 0.05, so that the fit is the mean of the logarithms.
  const FittedParameter& value = result.parameters[0];
  CHECK(std::log(value.value) == Approx(mean).epsilon(1e-2));
  CHECK(value.standard_error.value() == Approx(value.value * std::sqrt(squares / 39 / 40)).epsilon(1e-2));
  CHECK(value.jackknife_error.value() < 5 * *value.standard_error);
  const FitResult exact = fit(kConstant, one_table(3), constant({1, 1, 1}), {});
  CHECK(exact.parameters[0].sensitivity.one_percent == Approx(0.01).epsilon(1e-3));
  CHECK(exact.parameters[0].sensitivity.ten_percent == Approx(0.1).epsilon(1e-3));
}

TEST_CASE(
    "Folds that end at the same value have a jackknife error of zero, not of what rounding makes of it") {
  for (int i = 0; i < 20; ++i) {
    const std::vector<double> times(10, 1 + 0.13 * i);
    const FitResult result = fit(kConstant, one_table(10), constant(times), {.folds = 5});
    CHECK(result.parameters[0].jackknife_error == 0);
  }
}

TEST_CASE("Standard errors and the correlation of a line are those of linear regression") {
  // ln(predicted) = a + b x, so that the errors are linear in both parameters.
  constexpr int kCount = 12;
  std::vector<double> xs, ys;
  Draws draws(5);
  for (int i = 0; i < kCount; ++i) {
    xs.push_back(0.1 * i);
    ys.push_back(0.3 + 0.2 * xs.back() + 0.01 * draws.normal());
  }
  const PredictSamples line = [&](std::span<const double> values, std::span<double> log_ratios) {
    for (std::size_t i = 0; i < xs.size(); ++i) log_ratios[i] = values[0] + values[1] * xs[i] - ys[i];
  };
  const FitResult result = fit({{"a", 0, 1, 0.5}, {"b", 0, 1, 0.5}}, one_table(kCount), line, {.folds = 1});
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int i = 0; i < kCount; ++i) x += xs[i] / kCount, y += ys[i] / kCount;
  for (int i = 0; i < kCount; ++i) xx += (xs[i] - x) * (xs[i] - x), xy += (xs[i] - x) * (ys[i] - y);
  const double b = xy / xx, a = y - b * x;
  double rest = 0;
  for (int i = 0; i < kCount; ++i) rest += std::pow(a + b * xs[i] - ys[i], 2);
  const double variance = rest / (kCount - 2);
  CHECK(result.parameters[0].value == Approx(a).epsilon(1e-3));
  CHECK(result.parameters[1].value == Approx(b).epsilon(1e-3));
  CHECK(result.parameters[0].standard_error.value() ==
        Approx(std::sqrt(variance * (1.0 / kCount + x * x / xx))).epsilon(1e-3));
  CHECK(result.parameters[1].standard_error.value() == Approx(std::sqrt(variance / xx)).epsilon(1e-3));
  CHECK(result.correlation[0][1] == Approx(-x / std::sqrt(xx / kCount + x * x)).epsilon(1e-3));
  CHECK(result.correlation[0][0] == 1);
}

TEST_CASE("A sample that cannot be predicted is counted, and does not pull") {
  const std::vector<double> times = {1, 1, 1, 1};
  const PredictSamples all = constant(times);
  const PredictSamples some = [&](std::span<const double> values, std::span<double> log_ratios) {
    all(values, log_ratios);
    log_ratios[2] = std::numeric_limits<double>::quiet_NaN();
  };
  const FitResult result = fit(kConstant, one_table(4), some, {});
  CHECK(result.parameters[0].value == Approx(1).epsilon(1e-4));
  CHECK(result.errors.overall.unpredicted == 1);
  CHECK(result.errors.overall.mean_absolute == Approx(0.25).epsilon(1e-3));
  CHECK(result.errors.overall.bias == Approx(0).epsilon(1e-3));
  // A quarter of the weight has the loss of an error of 10x.
  CHECK(result.loss == Approx(0.25 * 0.05 * (std::log(10) - 0.025)).epsilon(1e-3));
}

TEST_CASE("A limit of predictions holds, and a search that it ends says so") {
  const Measured measured = measure_with(roofline, {3, 0.4, 0.25}, 60, {0.05, 0.1});
  const std::size_t fewest = fewest_predictions(3, 5);
  std::size_t calls = 0, told = 0;
  double least = std::numeric_limits<double>::infinity();
  const PredictSamples predict = [&](std::span<const double> values, std::span<double> log_ratios) {
    ++calls;
    measured.predict(roofline)(values, log_ratios);
  };
  const auto progress = [&](std::size_t done, std::size_t limit, double loss) {
    ++told;
    CHECK((done == told && limit == fewest && loss <= least));
    least = loss;
  };
  const FitResult result =
      fit(kRoofline, measured.samples, predict, {.most_predictions = fewest, .progress = progress});
  CHECK(calls <= fewest);
  CHECK(calls == result.predictions);
  CHECK(told == calls);
  CHECK_FALSE(result.converged);
  CHECK(error_of([&] {
          (void)fit(kRoofline, measured.samples, predict, {.most_predictions = fewest - 1});
        }) == "predictions: a fit of 3 parameters needs 73 at least, not 72");
}

TEST_CASE("Every limit from the fewest on ends in a fit, though a start may be left without derivatives") {
  // The first start lies where nothing matters, and the others are better before they are searched.
  const Model plateau = [](const Row& row, std::span<const double> v) {
    return std::max({row[0] * v[0], row[1] * v[1], 1.0});
  };
  const Measured measured = measure_with(plateau, {5, 3}, 40, {0.02, 0});
  const std::vector<FitParameter> parameters = {logarithmic("a", 1e-3, 10, 1e-3),
                                                logarithmic("b", 1e-3, 10, 1e-3)};
  const std::size_t fewest = fewest_predictions(2, 1);
  for (std::size_t limit = fewest; limit < fewest + 30; ++limit) {
    CAPTURE(limit);
    const FitOptions options{.folds = 1, .most_predictions = limit};
    const FitResult result = fit(parameters, measured.samples, measured.predict(plateau), options);
    CHECK(result.predictions <= limit);
    CHECK(result.parameters.size() == 2);
  }
}

TEST_CASE("What is wrong with a parameter or a sample is said with its name") {
  const auto fault = [](FitParameter parameter, FitSamples samples = one_table(2)) {
    return error_of([&] { (void)fit({parameter, {"other"}}, samples, constant({1, 1}), {}); });
  };
  CHECK(fault({"rate", 2, 1, 1}) == "rate: expected least < most, not 2 and 1");
  CHECK(fault({"rate", 0, 1, 0.5, true}) == "rate: a logarithmic parameter has bounds above 0, not 0");
  CHECK(fault({"rate", 1, 2, 3}) == "rate: the start 3 is outside of 1 .. 2");
  CHECK(fault({"other"}) == "other: two parameters have this name");
  CHECK(fault({"rate"}, {}) == "samples: there are none");
  CHECK(fault({"rate"}, {{0, 1}, {0, 1}, {1}}) == "samples: 2 tables have 1 weights");
  CHECK(fault({"rate"}, {{0, 1}, {0, 1}, {1, -1}}) == "samples: the weight of a table is at least 0, not -1");
  CHECK(fault({"rate"}, {{0, 1}, {0, 1}, {0, 0}}) == "samples: every table has the weight 0");
  CHECK(error_of([] {
          (void)fit({}, one_table(2), constant({1, 1}), {});
        }) == "parameters: there is nothing to fit");
}

TEST_CASE("What a prediction throws is thrown on") {
  const PredictSamples predict = [](std::span<const double>, std::span<double>) -> void {
    throw std::runtime_error("no such table");
  };
  CHECK_THROWS_WITH((void)fit(kConstant, one_table(2), predict, {}), "no such table");
}

}  // namespace ppsim::fit_test
