/* Explains the predictions of a forest of decision trees: rows of doubles in, what each of their
   fields contributes to each sum out. Exact path-dependent Shapley values, one tree at a time.

   For a path from the root to a leaf, let o_f be 1 if the row passes all splits on feature f, else
   0, and p_f the share of the training rows that does. Then feature i contributes

       phi_i = sum over leaves of value * (o_i - p_i) * integral over t in [0, 1] of
               the product over features f other than i of (t o_f + (1 - t) p_f)

   The integrand is a polynomial in t, so Gauss-Legendre quadrature is exact with half as many
   points as a path has features. At each point t, a node has

       product = the product over the features split on above it of (t o_f + (1 - t) p_f)
       sums    = the sum over the leaves below it of value * product
       gain    = (o_f - p_f) / (t o_f + (1 - t) p_f), of the feature f that its parent splits on

   and since paths share what is above, each node is visited once on the way down and once up. Its
   parent's split replaces the gain of f by its own for all leaves below, and so adds to phi_f the
   quadrature of (gain - the gain that it replaces) * sums.

   Nothing here depends on which way the row goes but the value of o_f, so no branch is guessed wrong
   by the processor: the nodes of a tree that split are visited level by level, then its leaves.

   Only forest.py calls this, with tables that forest_tables.py has checked, and places of
   parents and earlier splits that forest_paths.py has derived from them. */

#include "../_forest.h"

#define INLINED static inline __attribute__((always_inline))

/* The way from a node that splits to one of its branches. Nodes that split are numbered by tree, the
   root first, and after their parents. */
typedef struct {
    double share;           /* p_f */
    int32_t parent, before; /* the number of the node, and of that of the edge before with its f */
    int32_t node, feature;  /* the branch, by its place in the table; what the parent splits on: f */
} Edge;
typedef struct { int64_t splits, split_count, leaves, leaf_count; } Part; /* a tree's edges */
_Static_assert(sizeof(Edge) == 24 && sizeof(Part) == 32, "as NumPy lays them out");

/* Two points: what the processor computes at once. */
typedef double Pair __attribute__((vector_size(16)));

typedef struct {
    Forest forest;
    const Edge *edges;
    const Part *parts;
    Pair *t, *rest, *weights; /* points, 1 - t and weights */
    Pair *states;    /* of each node that splits: product, 1 / (t o_f + (1 - t) p_f), gain, sums */
    double *on;      /* o_f */
    int32_t *taken;  /* the branch that the row takes */
    Pair *changes;   /* by feature, sum and point: (gain - the gain before) * sums, added up */
    float *slots;
    Py_ssize_t column; /* the first sum of the tree */
} Work;

/* Whether the row passes an edge and those before it with the same feature: o_f. */
static inline double is_on(const Work *work, const Edge *edge)
{
    return work->on[edge->before] * (work->taken[edge->parent] == edge->node);
}

/* What the changes of an edge's feature are added to. */
static inline Pair *changes_of(const Work *work, const Edge *edge, int pairs)
{
    return work->changes + (edge->feature * work->forest.count[START] + work->column) * pairs;
}

/* The product of a node that splits, before its inverse, gain and sums. */
INLINED Pair *state_of(const Work *work, int64_t number, int pairs, int width)
{
    return work->states + number * (3 + width) * pairs;
}

/* From the root down: products and gains. */
INLINED void go_down(const Work *work, const Edge *edges, int64_t count, const int pairs,
                     const int width)
{
    const Pair *restrict t = work->t, *restrict rest = work->rest;
    for (int64_t number = 0; number < count; number++) {
        const Edge *edge = edges + number;
        const Pair *restrict parent = state_of(work, edge->parent, pairs, width);
        const Pair *restrict before = state_of(work, edge->before, pairs, width) + pairs;
        Pair *restrict product = state_of(work, number, pairs, width);
        double on = number ? is_on(work, edge) : 1;
        work->on[number] = on;
        work->taken[number] =
            branch(work->forest.nodes, work->forest.members, edge->node, work->slots);
        for (int at = 0; at < pairs; at++) {
            Pair part = t[at] * on + rest[at] * edge->share, inverse = 1.0 / part;
            product[at] = number ? parent[at] * before[at] * part : part;
            product[at + pairs] = inverse;
            product[at + 2 * pairs] = (on - edge->share) * inverse;
        }
        for (int at = 3 * pairs; at < (3 + width) * pairs; at++)
            product[at] = (Pair){0, 0}; /* the sums */
    }
}

/* The leaves' values times products to the sums of their parents. */
INLINED void add_leaves(const Work *work, const Edge *edges, int64_t count, const int pairs,
                        const int width)
{
    const Pair *restrict t = work->t, *restrict rest = work->rest;
    for (const Edge *edge = edges; edge < edges + count; edge++) {
        Pair *restrict parent = state_of(work, edge->parent, pairs, width);
        const Pair *before = state_of(work, edge->before, pairs, width) + pairs;
        Pair *restrict changes = changes_of(work, edge, pairs), *sums = parent + 3 * pairs;
        const double *values = work->forest.values + (int64_t)edge->node * width;
        double on = is_on(work, edge), own = on - edge->share;
        for (int at = 0; at < pairs; at++) {
            Pair part = t[at] * on + rest[at] * edge->share;
            Pair others = parent[at] * before[at], product = others * part;
            Pair change = others * own - product * before[at + pairs];
            for (int value = 0; value < width; value++) {
                sums[at + value * pairs] += values[value] * product;
                changes[at + value * pairs] += values[value] * change;
            }
        }
    }
}

/* From the bottom up: sums, and what each split changes. */
INLINED void go_up(const Work *work, const Edge *edges, int64_t count, const int pairs,
                   const int width)
{
    for (int64_t number = count - 1; number > 0; number--) {
        const Edge *edge = edges + number;
        const Pair *gain = state_of(work, number, pairs, width) + 2 * pairs, *sums = gain + pairs;
        const Pair *replaced = state_of(work, edge->before, pairs, width) + 2 * pairs;
        Pair *above = state_of(work, edge->parent, pairs, width) + 3 * pairs;
        Pair *restrict changes = changes_of(work, edge, pairs);
        for (int at = 0; at < pairs; at++) {
            Pair change = gain[at] - replaced[at];
            for (int place = at; place < width * pairs; place += pairs) {
                above[place] += sums[place];
                changes[place] += change * sums[place];
            }
        }
    }
}

INLINED void explain_row(Work *work, double *out, const int pairs, const int width)
{
    const Forest *forest = &work->forest;
    Py_ssize_t sums = forest->count[START], cells = forest->count[FEATURES] * sums;
    for (Py_ssize_t at = 0; at < cells * pairs; at++)
        work->changes[at] = (Pair){0, 0};
    for (Py_ssize_t tree = 0; tree < forest->count[TREES]; tree++) {
        Part part = work->parts[tree];
        const Edge *splits = work->edges + part.splits, *leaves = work->edges + part.leaves;
        work->column = forest->trees[tree].column;
        go_down(work, splits, part.split_count, pairs, width);
        add_leaves(work, leaves, part.leaf_count, pairs, width);
        go_up(work, splits, part.split_count, pairs, width);
    }
    const Pair *change = work->changes;
    for (Py_ssize_t cell = 0; cell < cells; cell++)
        for (int at = 0; at < pairs; at++, change++) {
            Pair both = *change * work->weights[at];
            out[forest->features[cell / sums].field * sums + cell % sums] += both[0] + both[1];
        }
}

#define EXPLAIN_ROW(PAIRS) \
    case PAIRS: width == 1 ? explain_row(work, out, PAIRS, 1) \
                           : explain_row(work, out, PAIRS, width); break

/* The usual numbers are known to the compiler. */
static void explain_rows(Work *work, const double *rows, Py_ssize_t count, double *out, int pairs)
{
    const Forest *forest = &work->forest;
    const int width = forest->width;
    for (Py_ssize_t row = 0; row < count; row++, rows += forest->fields) {
        prepare(forest, rows, work->slots);
        switch (pairs) {
            EXPLAIN_ROW(1);
            EXPLAIN_ROW(2);
            EXPLAIN_ROW(3);
            EXPLAIN_ROW(4);
        default: explain_row(work, out, pairs, width);
        }
        out += forest->fields * forest->count[START];
    }
}

/* Room for one tree at a time; 0 if there is none. */
static int make_room(Work *work, const double *quadrature, int pairs)
{
    const Forest *forest = &work->forest;
    size_t most = 1, features = forest->count[FEATURES], each = pairs * sizeof(Pair);
    for (Py_ssize_t tree = 0; tree < forest->count[TREES]; tree++)
        if ((size_t)work->parts[tree].split_count > most)
            most = work->parts[tree].split_count;
    work->t = PyMem_RawMalloc(3 * each); /* bytes objects are not where pairs must be */
    work->states = PyMem_RawMalloc(most * (3 + forest->width) * each);
    work->changes = PyMem_RawMalloc(features * forest->count[START] * each);
    work->on = PyMem_RawMalloc(most * sizeof(double));
    work->taken = PyMem_RawMalloc(most * sizeof(int32_t));
    work->slots = PyMem_RawMalloc(2 * features * sizeof(float));
    if (!work->t || !work->states || !work->changes || !work->on || !work->taken || !work->slots)
        return 0;
    memcpy(work->t, quadrature, 3 * each);
    work->rest = work->t + pairs;
    work->weights = work->rest + pairs;
    return 1;
}

static PyObject *explain(PyObject *module, PyObject *args)
{
    PyObject *tables[TABLES], *edges, *parts, *quadrature;
    Py_buffer rows, out;
    Work work = {0};
    Forest *forest = &work.forest;
    (void)module;
    if (!PyArg_ParseTuple(args, TABLES_FORMAT "SSSiy*w*", TABLES_OF(tables), &edges, &parts,
                          &quadrature, &forest->fields, &rows, &out))
        return NULL;
    read_tables(forest, tables);
    int pairs = (int)(PyBytes_GET_SIZE(quadrature) / (3 * sizeof(Pair)));
    work.edges = (const Edge *)PyBytes_AS_STRING(edges);
    work.parts = (const Part *)PyBytes_AS_STRING(parts);
    if (!forest->count[MEMBERS])
        forest->members = NULL;
    Py_ssize_t count = rows.len / (forest->fields * 8), trees = forest->count[TREES];
    if (PyBytes_GET_SIZE(parts) != trees * (Py_ssize_t)sizeof(Part))
        PyErr_SetString(PyExc_ValueError, "the edges are of other trees");
    else if (count * forest->fields * 8 != rows.len || rows.len * forest->count[START] != out.len)
        PyErr_SetString(PyExc_ValueError, "the rows or the contributions have another shape");
    else if (!make_room(&work, (const double *)PyBytes_AS_STRING(quadrature), pairs))
        PyErr_NoMemory();
    else {
        Py_BEGIN_ALLOW_THREADS
        explain_rows(&work, rows.buf, count, out.buf, pairs);
        Py_END_ALLOW_THREADS
    }
    PyMem_RawFree(work.t);
    PyMem_RawFree(work.states);
    PyMem_RawFree(work.on);
    PyMem_RawFree(work.taken);
    PyMem_RawFree(work.changes);
    PyMem_RawFree(work.slots);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&out);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef METHODS[] = {
    {"explain", explain, METH_VARARGS, "Add up what each field contributes to each row's sums."},
    {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot SLOTS[] = {{0, NULL}};
static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_explain", "Explains a forest.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__explain(void) { return PyModuleDef_Init(&MODULE); }
