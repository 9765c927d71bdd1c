/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the ticket of a QR code (wechat-api 8): in world->scenes a handle whose
 * content is one of these letters and the scene, a number as its digits. */
#pragma once

enum { SIM_SCENE_NUMBER = '#', SIM_SCENE_TEXT = '=' };
