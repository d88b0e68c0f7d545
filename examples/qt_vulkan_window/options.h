#pragma once

#include <QLoggingCategory>
#include <QString>
#include <cstdint>

Q_DECLARE_LOGGING_CATEGORY(lcQuads)

/// What the command line said.
struct Options {
  QString model;             // a weight file
  std::uint32_t steps = 16;  // of the sampler, for each texture
  double budget = 4000;      // microseconds of the device's time that a frame has for textures
  QString screenshot;        // a file to write when all textures are there; empty: none
  int frames = 0;            // leave after that many, with the screenshot if there is to be one; 0: do not
};
