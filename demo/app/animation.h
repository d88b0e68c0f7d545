// Surfaces whose texture walks from seed to seed.
#pragma once

#include "app/controls.h"
#include "panels/panel.h"

namespace demo {

/// Moves the chosen surfaces on by `seconds`, and asks for the texture of where they are whenever there is none in the
/// making: how many places of the way are seen depends on the budget, how fast it is walked on the control alone.
void animate(TextureStore& textures, const Controls& controls, const Selection& selection, double seconds);

}  // namespace demo
