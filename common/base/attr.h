/* SPDX-License-Identifier: Apache-2.0 */
/* The few compiler extensions the tree uses. */
#pragma once

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED                 __attribute__((unused))

/* AUTO(x_done) on a local runs x_done(&local) when it leaves scope. */
#define AUTO(cleanup_fn) __attribute__((cleanup(cleanup_fn)))

/* Moves ownership out of a pointer that carries AUTO: yields it and leaves NULL behind. */
#define TAKE(pointer)                           \
    __extension__({                             \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL;                       \
        taken_;                                 \
    })

/* Declares x_freep(struct x **), the AUTO form of x_free(struct x *). */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here. */
#define DECLARE_FREEP(type, free_fn)             \
    static inline void free_fn##p(type **object) \
    {                                            \
        free_fn(*object);                        \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
