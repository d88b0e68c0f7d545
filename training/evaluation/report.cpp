#include "training/evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rivulet::training {
namespace {

using nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string general(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// Six digits are finer than any interval; NaN becomes null.
ordered_json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(general(value));
}

ordered_json json(const Estimate& e) {
  return {{"value", number(e.value)}, {"low", number(e.low)}, {"high", number(e.high)}};
}

ordered_json json(const QualityFigures& f) {
  ordered_json result = {{"textures", f.textures}, {"crops", f.crops}, {"kernel_distance", json(f.kernelDistance)}};
  result["frechet_distance"] = f.frechet ? json(*f.frechet) : ordered_json(nullptr);
  auto& sliced = result["sliced_wasserstein"] = json(f.slicedWasserstein.mean);
  for (const double level : f.slicedWasserstein.levels) sliced["levels"].push_back(number(level));
  result["seam_ratio"] = json(f.seamRatio);
  if (f.style) {
    auto& style = result["style_error"] = json(f.style->rms);
    for (std::size_t i = 0; i < kStyleNames.size(); ++i) {
      style["components"][kStyleNames[i]] = {{"rms", number(f.style->componentRms[i])},
                                             {"bias", number(f.style->bias[i])}};
    }
  }
  result["nearest_feature_ratio"] = json(f.nearestFeature);
  result["nearest_structure_ratio"] = json(f.nearestStructure);
  return result;
}

struct Brackets {
  const char *open, *between, *close;
};
constexpr Brackets kTable = {" [", ", ", "]"}, kMarkdown = {" (", " to ", ")"};

std::string interval(const Estimate& e, double scale, int digits, const Brackets& brackets) {
  std::string text = fixed(scale * e.value, digits);
  if (std::isfinite(e.low)) {
    text += brackets.open + fixed(scale * e.low, digits) + brackets.between + fixed(scale * e.high, digits) +
            brackets.close;
  }
  return text;
}

// Columns: the first is aligned left, the others at the width of their heading.
struct Column {
  const char* heading;
  std::size_t width;
};
constexpr Column kColumns[] = {{"", 22},
                               {"steps", 5},
                               {"size", 5},
                               {"kernel dist. x 1000", 23},
                               {"Frechet dist.", 22},
                               {"sliced Wass. x 1000", 21},
                               {"seam", 6},
                               {"style", 6},
                               {"near.feat", 9},
                               {"near.str", 8},
                               {"ms/texture", 10}};

std::string tableLine(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string space(kColumns[i].width - std::min(kColumns[i].width, cells[i].size()), ' ');
    line += (i == 0 ? "" : "  ") + (i == 0 ? cells[i] + space : space + cells[i]);
  }
  return line + "\n";
}

}  // namespace

std::string tableText(const std::vector<ReportRow>& rows) {
  std::vector<std::string> headings;
  for (const Column& column : kColumns) headings.emplace_back(column.heading);
  std::string text = tableLine(headings);
  for (const ReportRow& row : rows) {
    const QualityFigures& f = row.measurement.overall;
    const bool made = row.steps > 0;
    text += tableLine({row.name, made ? std::to_string(row.steps) : "", std::to_string(row.size),
                       interval(f.kernelDistance, 1e3, 1, kTable), f.frechet ? interval(*f.frechet, 1, 2, kTable) : "-",
                       interval(f.slicedWasserstein.mean, 1e3, 1, kTable), fixed(f.seamRatio.value, 3),
                       f.style ? fixed(f.style->rms.value, 3) : "-", fixed(f.nearestFeature.value, 3),
                       fixed(f.nearestStructure.value, 3), made ? fixed(row.millisecondsPerTexture, 1) : ""});
  }
  return text;
}

std::string markdownText(const std::string& model, const std::vector<ReportRow>& rows) {
  std::string text =
      "| model | sampler, steps | size | kernel distance × 1000 | Fréchet distance | sliced Wasserstein × 1000 | "
      "seam ratio | style error | nearest, features | nearest, structure | ms a texture |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const ReportRow& row : rows) {
    const QualityFigures& f = row.measurement.overall;
    const auto cell = [&](const std::string& value) { text += " " + value + " |"; };
    text += "|";
    cell(row.steps > 0 ? model : "real pictures");
    cell(row.steps > 0 ? row.name + ", " + std::to_string(row.steps) +
                             (row.guidance != 1 ? ", guidance " + general(row.guidance) : "")
                       : row.name);
    cell(std::to_string(row.size));
    cell(interval(f.kernelDistance, 1e3, 1, kMarkdown));
    cell(f.frechet ? interval(*f.frechet, 1, 2, kMarkdown) : "");
    cell(interval(f.slicedWasserstein.mean, 1e3, 1, kMarkdown));
    cell(fixed(f.seamRatio.value, 3));
    cell(f.style ? fixed(f.style->rms.value, 3) : "");
    cell(fixed(f.nearestFeature.value, 3));
    cell(fixed(f.nearestStructure.value, 3));
    cell(row.steps > 0 ? fixed(row.millisecondsPerTexture, 1) : "");
    text += "\n";
  }
  return text;
}

ordered_json reportJson(ordered_json about, const std::vector<std::string>& classes,
                        const std::vector<ReportRow>& rows) {
  auto& list = about["rows"] = ordered_json::array();
  for (const ReportRow& row : rows) {
    ordered_json entry = {{"kind", row.steps > 0 ? "generated" : "real"}, {"name", row.name}};
    if (row.steps > 0) {
      entry["steps"] = row.steps;
      entry["evaluations"] = row.evaluations;
      entry["guidance"] = row.guidance;
      entry["milliseconds_per_texture"] = number(row.millisecondsPerTexture);
      entry["not_finite"] = row.notFinite;
    }
    entry["size"] = row.size;
    entry["overall"] = json(row.measurement.overall);
    auto& perClass = entry["per_class"] = ordered_json::object();
    for (std::size_t k = 0; k < classes.size(); ++k) {
      if (row.measurement.perClass[k]) perClass[classes[k]] = json(*row.measurement.perClass[k]);
    }
    list.push_back(std::move(entry));
  }
  return about;
}

}  // namespace rivulet::training
