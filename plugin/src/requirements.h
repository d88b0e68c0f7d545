#pragma once
// What a host enables before there is a device.

#include "rivulet/rivulet.h"

namespace rivulet::plugin {

RvlResult RVL_CALL queryRequirements(const RvlRequirementsInfo* info, RvlRequirements* requirements);
RvlResult RVL_CALL fillFeatureChain(const RvlFeatures* features, RvlFeatureChain* chain);
RvlResult RVL_CALL fillFeatureChain2(const RvlRequirements* enabled, RvlFeatureChain2* chain);

}  // namespace rivulet::plugin
