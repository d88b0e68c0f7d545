// The table of ops in the panel of times.
#pragma once

#include "panels/panel.h"

namespace demo {

void opTable(PanelContext& context);

}  // namespace demo
