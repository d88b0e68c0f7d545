// What the trainer throws: a message that names the thing and the fix. main.cpp prints it and exits with 1.
#pragma once

#include <stdexcept>
#include <string>

namespace rivulet::training {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace rivulet::training
