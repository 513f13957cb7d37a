/* Walks a forest of decision trees: rows of doubles in, sums of leaves for each row out.

   Only forest.py calls this, with tables that forest_tables.py describes and has checked: branches
   are after their node and within its tree, the branch of a leaf is the leaf, and every other index
   is within its table. So no walk leaves its tree, or takes more steps than the tree is deep. */

#include "_forest.h"

enum { LANES = 12 };   /* walks side by side: while one waits for memory, the others go on */
enum { BLOCK = 1024 }; /* rows that pass through a tree while it is in the cache */
enum { FIRST = 11, NEXT = 3 }; /* levels after which walks that have ended are left out */
enum { SPARSE = 8 };  /* rows that are too few to walk side by side */
enum { FEW = 16 };    /* rows up to which Python's lock is kept: getting it back may take longer */

static inline void walk(const Node *nodes, const uint32_t *members, int32_t *at,
                        const float **slots, int32_t levels)
{
    for (int32_t level = 0; level < levels; level++)
        for (int lane = 0; lane < LANES; lane++)
            at[lane] = branch(nodes, members, at[lane], slots[lane]);
}

static void walk_lanes(const Forest *forest, int32_t *at, const float **slots, int32_t levels)
{
    if (forest->count[MEMBERS])
        walk(forest->nodes, forest->members, at, slots, levels);
    else
        walk(forest->nodes, NULL, at, slots, levels);
}

/* Walk so many levels, `LANES` side by side, of which `count` count. Those that have not reached a
   leaf then are put behind the `kept` ones of `walking`; return how many these are. */
static inline int walk_some(const Forest *forest, int32_t *at, const float *slots,
                            Py_ssize_t stride, int32_t levels, const int16_t *who, int count,
                            int16_t *walking, int kept)
{
    const float *lanes[LANES];
    int32_t places[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        lanes[lane] = slots + who[lane] * stride;
        places[lane] = at[who[lane]];
    }
    walk_lanes(forest, places, lanes, levels);
    for (int lane = 0; lane < LANES; lane++) {
        int32_t place = places[lane];
        at[who[lane]] = place;
        walking[kept] = who[lane];
        kept += (forest->nodes[place].left != place) & (lane < count);
    }
    return kept;
}

/* Walk all the way. `at` has where they start, and then the leaves. Every few levels those that have
   arrived are left out: the deepest of eight takes half as long again as all do on average. */
static void walk_all(const Forest *forest, int32_t *at, const float *slots, Py_ssize_t stride,
                     int count, int32_t depth)
{
    int16_t walking[BLOCK + LANES], who[LANES]; /* they are written no faster than read */
    int32_t levels = depth < FIRST ? depth : FIRST;
    int kept = 0;
    for (int first = 0; first < count; first += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            who[lane] = (int16_t)(first + lane < count ? first + lane : first);
        kept = walk_some(forest, at, slots, stride, levels, who, count - first, walking, kept);
    }
    for (int32_t level = levels; kept && level < depth; level += NEXT) {
        count = kept;
        kept = 0;
        for (int first = 0; first < count; first += LANES) {
            for (int lane = 0; lane < LANES; lane++)
                who[lane] = walking[first + lane < count ? first + lane : first];
            kept = walk_some(forest, at, slots, stride, NEXT, who, count - first, walking, kept);
        }
    }
}

static inline void add_values(const double *values, int width, double *sums, Py_ssize_t columns,
                              const int32_t *leaves, int rows)
{
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < width; column++)
            sums[row * columns + column] += values[(int64_t)leaves[row] * width + column];
}

/* Add the values of leaves to the sums of rows; faster where their number is known beforehand. */
static void add_leaves(const Forest *forest, double *sums, Py_ssize_t columns,
                       const int32_t *leaves, int rows)
{
    if (forest->width == 1)
        add_values(forest->values, 1, sums, columns, leaves, rows);
    else if (forest->width == 2)
        add_values(forest->values, 2, sums, columns, leaves, rows);
    else
        add_values(forest->values, forest->width, sums, columns, leaves, rows);
}

/* Rows down one tree after the other, which stays in the cache meanwhile. */
static void sum_rows(const Forest *forest, const float *slots, int rows, double *sums)
{
    Py_ssize_t wide = 2 * forest->count[FEATURES], columns = forest->count[START];
    int32_t at[BLOCK];
    for (Py_ssize_t number = 0; number < forest->count[TREES]; number++) {
        Tree tree = forest->trees[number];
        for (int row = 0; row < rows; row++)
            at[row] = tree.root;
        walk_all(forest, at, slots, wide, rows, tree.depth);
        add_leaves(forest, sums + tree.column, columns, at, rows);
    }
}

/* One row down all trees. */
static void sum_row(const Forest *forest, const float *slots, double *sums)
{
    for (Py_ssize_t first = 0; first < forest->count[TREES]; first += BLOCK) {
        const Tree *trees = forest->trees + first;
        Py_ssize_t rest = forest->count[TREES] - first;
        int count = rest < BLOCK ? (int)rest : BLOCK;
        int32_t at[BLOCK], depth = 0;
        for (int each = 0; each < count; each++) {
            at[each] = trees[each].root;
            depth = trees[each].depth > depth ? trees[each].depth : depth;
        }
        walk_all(forest, at, slots, 0, count, depth);
        for (int each = 0; each < count; each++)
            add_leaves(forest, sums + trees[each].column, 0, at + each, 1);
    }
}

static void compute(const Forest *forest, double divisor, int is_logistic, const double *rows,
                    Py_ssize_t count, double *sums, float *slots)
{
    Py_ssize_t wide = 2 * forest->count[FEATURES], columns = forest->count[START];
    for (Py_ssize_t row = 0; row < count; row++)
        for (Py_ssize_t column = 0; column < columns; column++)
            sums[row * columns + column] = forest->start[column];
    for (Py_ssize_t first = 0; first < count; first += BLOCK) {
        Py_ssize_t some = count - first < BLOCK ? count - first : BLOCK;
        for (Py_ssize_t row = 0; row < some; row++)
            prepare(forest, rows + (first + row) * forest->fields, slots + row * wide);
        if (some >= SPARSE)
            sum_rows(forest, slots, (int)some, sums + first * columns);
        for (Py_ssize_t row = 0; some < SPARSE && row < some; row++)
            sum_row(forest, slots + row * wide, sums + (first + row) * columns);
    }
    for (Py_ssize_t at = 0; at < count * columns; at++)
        sums[at] /= divisor;
    for (Py_ssize_t row = 0; is_logistic && row < count; row++) {
        double *both = sums + row * columns;
        both[1] = 1 / (1 + exp(-both[1]));
        both[0] = 1 - both[1];
    }
}

static PyObject *predict(PyObject *module, PyObject *args)
{
    PyObject *tables[TABLES];
    Py_buffer rows, sums;
    Forest forest;
    double divisor;
    int is_logistic;
    (void)module;
    if (!PyArg_ParseTuple(args, TABLES_FORMAT "idpy*w*", TABLES_OF(tables), &forest.fields,
                          &divisor, &is_logistic, &rows, &sums))
        return NULL;
    read_tables(&forest, tables);
    Py_ssize_t count = rows.len / (forest.fields * 8), wide = 2 * forest.count[FEATURES];
    float *slots = PyMem_RawMalloc((count < BLOCK ? count : BLOCK) * wide * sizeof(float) + 1);
    if (!slots)
        PyErr_NoMemory();
    else if (count * forest.fields * 8 != rows.len || count * forest.count[START] * 8 != sums.len)
        PyErr_SetString(PyExc_ValueError, "the rows or the sums have another shape");
    else if (count <= FEW)
        compute(&forest, divisor, is_logistic, rows.buf, count, sums.buf, slots);
    else {
        Py_BEGIN_ALLOW_THREADS
        compute(&forest, divisor, is_logistic, rows.buf, count, sums.buf, slots);
        Py_END_ALLOW_THREADS
    }
    PyMem_RawFree(slots);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&sums);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef METHODS[] = {
    {"predict", predict, METH_VARARGS, "Sum up the leaves of each row."}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot SLOTS[] = {{0, NULL}};
static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_walk", "Walks a forest.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__walk(void) { return PyModuleDef_Init(&MODULE); }
