/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/colors.h"

#include "base/attr.h"

const struct sim_color SIM_COLORS[] = {
    {"Color010", "#63b359"}, {"Color020", "#2c9f67"}, {"Color030", "#509fc9"},
    {"Color040", "#5885cf"}, {"Color050", "#9062c0"}, {"Color060", "#d09a45"},
    {"Color070", "#e4b138"}, {"Color080", "#ee903c"}, {"Color081", "#f08500"},
    {"Color082", "#a9d92d"}, {"Color090", "#dd6549"}, {"Color100", "#cc463d"},
    {"Color101", "#cf3e36"}, {"Color102", "#5E6671"},
};
const size_t SIM_COLOR_COUNT = COUNT_OF(SIM_COLORS);

const struct sim_color *sim_color_find(struct str name)
{
    for (size_t i = 0; i < SIM_COLOR_COUNT; i++)
        if (str_eq_cstr(name, SIM_COLORS[i].name))
            return &SIM_COLORS[i];
    return NULL;
}
