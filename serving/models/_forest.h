/* The tables of a forest as NumPy lays them out, and how a row is compared with their nodes.

   forest_tables.py describes the tables and has checked them: branches are after their node and
   within its tree, the branch of a leaf is the leaf, and every other index is within its table. */

#ifndef ADEGA_FOREST_H
#define ADEGA_FOREST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>

enum { FILL, REPLACE, SCALE, STRETCH, EQUALS, LOOKUP, RANK, KINDS };

typedef struct {
    union { float threshold; uint32_t members; } split; /* members: where their bits begin */
    int32_t left;                                       /* right is behind it; a leaf's own place */
    uint16_t slot, among;                               /* among: whether members go left */
} Node;
typedef struct { int32_t root, column, depth; } Tree;
typedef struct { int32_t field, first, end; } Feature;
typedef struct { int32_t kind, first; double a, b; int64_t count; } Step;
_Static_assert(sizeof(Node) == 12 && sizeof(Step) == 32, "as NumPy lays them out");

enum { NODES, VALUES, TREES, FEATURES, STEPS, NUMBERS, MEMBERS, START, TABLES };
#define TABLES_FORMAT "(SSSSSSSS)"
#define TABLES_OF(tables) \
    tables, tables + 1, tables + 2, tables + 3, tables + 4, tables + 5, tables + 6, tables + 7
static const Py_ssize_t SIZES[TABLES] = {
    sizeof(Node), 8, sizeof(Tree), sizeof(Feature), sizeof(Step), 8, 4, 8};

typedef struct {
    const Node *nodes;
    const double *values, *numbers, *start;
    const Tree *trees;
    const Feature *features;
    const Step *steps;
    const uint32_t *members;
    Py_ssize_t count[TABLES]; /* of entries */
    int fields, width;
} Forest;

static void read_tables(Forest *forest, PyObject *const *tables)
{
    const void *starts[TABLES];
    for (int table = 0; table < TABLES; table++) {
        starts[table] = PyBytes_AS_STRING(tables[table]);
        forest->count[table] = PyBytes_GET_SIZE(tables[table]) / SIZES[table];
    }
    forest->nodes = starts[NODES], forest->values = starts[VALUES];
    forest->trees = starts[TREES], forest->features = starts[FEATURES];
    forest->steps = starts[STEPS], forest->numbers = starts[NUMBERS];
    forest->members = starts[MEMBERS], forest->start = starts[START];
    forest->width = (int)(forest->count[VALUES] / forest->count[NODES]);
}

/* The place of the first of `count` ascending numbers that is not below x. */
static int64_t place_of(const double *numbers, int64_t count, double x)
{
    int64_t low = 0;
    while (count > 0) {
        int64_t half = count / 2;
        if (numbers[low + half] < x) {
            low += half + 1;
            count -= half + 1;
        } else
            count = half;
    }
    return low;
}

static double after(const Step *step, const double *numbers, double x)
{
    const double *table = numbers + step->first;
    int64_t place;
    switch (step->kind) {
    case FILL: return isnan(x) ? step->a : x;
    case REPLACE: return x == step->a ? step->b : x;
    case SCALE: return (x - step->a) / step->b;
    case STRETCH: return x * step->a + step->b;
    case EQUALS: return x == step->a;
    case LOOKUP:
        place = place_of(table, step->count, x);
        return place < step->count && table[place] == x ? table[step->count + place] : step->a;
    default: return isnan(x) ? x : (double)place_of(table, step->count, x);
    }
}

/* What the nodes compare of one row: of each feature one slot for nodes that send a missing value
   right, and one for those that send it left. No slot is NaN. */
static void prepare(const Forest *forest, const double *row, float *slots)
{
    for (Py_ssize_t at = 0; at < forest->count[FEATURES]; at++, slots += 2) {
        Feature feature = forest->features[at];
        double x = row[feature.field];
        for (int32_t step = feature.first; step < feature.end; step++)
            x = after(forest->steps + step, forest->numbers, x);
        if (isnan(x)) {
            slots[0] = INFINITY;
            slots[1] = -INFINITY;
        } else
            slots[0] = slots[1] = (float)(x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x);
    }
}

static inline int32_t branch(const Node *nodes, const uint32_t *members, int32_t at,
                             const float *slots)
{
    const Node *node = nodes + at;
    float x = slots[node->slot];
    if (members && node->among)
        return node->left +
               !(members[node->split.members + (uint32_t)x / 32] >> (uint32_t)x % 32 & 1);
    return node->left + !(x <= node->split.threshold);
}

#endif
