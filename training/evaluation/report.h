// What an evaluation found, as a table for the eye, as JSON with everything, and as Markdown rows for docs/quality.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "training/evaluation/evaluation.h"

namespace rivulet::training {

// One set of pictures and its figures.
struct ReportRow {
  std::string name;                // a sampler's, or "held-out images again", "training images"
  int steps = 0, evaluations = 0;  // 0: real images
  int size = 0;                    // pixels a side
  double guidance = 1;
  double millisecondsPerTexture = 0;
  int notFinite = 0;
  Measurement measurement;
};

// The kernel distance and the sliced Wasserstein distance times 1000, as papers give them; 95 % intervals.
std::string tableText(const std::vector<ReportRow>& rows);
std::string markdownText(const std::string& model, const std::vector<ReportRow>& rows);

// Every row with its figures overall and per class, unscaled. `about` goes in front: what was measured, and how.
nlohmann::ordered_json reportJson(nlohmann::ordered_json about, const std::vector<std::string>& classes,
                                  const std::vector<ReportRow>& rows);

}  // namespace rivulet::training
