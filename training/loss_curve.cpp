#include "training/loss_curve.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "training/error.h"

namespace rivulet::training {
namespace {

struct Point {
  double step, loss;
};

constexpr double kWidth = 720, kHeight = 360, kLeft = 60, kBottom = 40, kMargin = 16;

struct Axes {
  double lastStep, low, high;  // low and high: decadic logarithms of the loss
  double x(double step) const { return kLeft + (kWidth - kLeft - kMargin) * step / lastStep; }
  double y(double loss) const {
    return kHeight - kBottom - (kHeight - kBottom - kMargin) * (std::log10(loss) - low) / (high - low);
  }
};

std::string polyline(const std::vector<Point>& points, const Axes& axes, const char* colour) {
  std::ostringstream out;
  out << "<polyline fill=\"none\" stroke=\"" << colour << "\" stroke-width=\"1.5\" points=\"";
  const std::size_t stride = std::max<std::size_t>(1, points.size() / 1500);
  for (std::size_t i = 0; i < points.size(); i += stride) {
    out << axes.x(points[i].step) << ',' << axes.y(points[i].loss) << ' ';
  }
  out << "\"/>\n";
  return out.str();
}

}  // namespace

void writeLossCurve(const std::filesystem::path& log, const std::filesystem::path& svg) {
  std::ifstream in(log);
  std::vector<Point> training, heldOut;
  for (std::string line; std::getline(in, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("step")) continue;
    const double step = entry["step"];
    if (entry.contains("loss") && entry["loss"].is_number()) training.push_back({step, entry["loss"]});
    if (entry.contains("heldout_loss") && entry["heldout_loss"].is_number()) {
      heldOut.push_back({step, entry["heldout_loss"]});
    }
  }
  if (training.size() < 2) return;
  Axes axes{1, 1e9, -1e9};
  for (const auto* list : {&training, &heldOut}) {
    for (const Point& point : *list) {
      axes.lastStep = std::max(axes.lastStep, point.step);
      axes.low = std::min(axes.low, std::log10(std::max(point.loss, 1e-9)));
      axes.high = std::max(axes.high, std::log10(std::max(point.loss, 1e-9)));
    }
  }
  axes.high = std::max(axes.high, axes.low + 0.1);

  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << kWidth << "\" height=\"" << kHeight
      << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  for (int i = 0; i <= 4; ++i) {
    const double loss = std::pow(10, axes.low + (axes.high - axes.low) * i / 4), step = axes.lastStep * i / 4;
    out.precision(3);
    out << "<line x1=\"" << kLeft << "\" x2=\"" << kWidth - kMargin << "\" y1=\"" << axes.y(loss) << "\" y2=\""
        << axes.y(loss) << "\" stroke=\"#ddd\"/><text x=\"" << kLeft - 6 << "\" y=\"" << axes.y(loss) + 4
        << "\" text-anchor=\"end\">" << loss << "</text>\n";
    out.precision(6);
    out << "<text x=\"" << axes.x(step) << "\" y=\"" << kHeight - kBottom + 16 << "\" text-anchor=\"middle\">"
        << std::lround(step) << "</text>\n";
  }
  out << polyline(training, axes, "#1f6fb4") << polyline(heldOut, axes, "#d9541e") << "<text x=\"" << kWidth / 2
      << "\" y=\"" << kHeight - 6 << "\" text-anchor=\"middle\">step (blue: training loss, orange: held-out)</text>\n"
      << "</svg>\n";
  std::filesystem::path temporary = svg;
  temporary += ".tmp";
  std::ofstream file(temporary);
  file << out.str();
  file.close();
  if (!file) throw Error("cannot write " + temporary.string());
  std::filesystem::rename(temporary, svg);
}

}  // namespace rivulet::training
