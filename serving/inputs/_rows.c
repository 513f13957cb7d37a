/* Writes a matrix of doubles as a JSON array of arrays, each number by its shortest decimal.

   Only row_texts.py calls this, with the tables that it made of a model's fields. Numbers of more
   than 15 digits are declined: msgspec writes the rows then, with the same result. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST = 24 }; /* characters of a number, and of what is not one and has no spelling */
enum { SOME = 3, DIGITS = 15 }; /* decimals that are tried first, and digits of any double */
static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                              1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
static const double SMALLEST = 1e-5; /* smaller ones have an exponent */

typedef struct { int32_t start, length; } Spelling;
typedef struct { int32_t first, count; } Field; /* the spellings of its codes; none of a number */

typedef struct {
    const char *texts;
    const Spelling *spellings;
    const Field *fields;
    Py_ssize_t columns;
} Tables;

/* Write digits / 10^decimals. Trailing zeros behind the point are left out, but for the first. */
static char *write_decimal(char *at, uint64_t digits, int decimals)
{
    char reversed[LONGEST];
    int count = 0;
    for (; decimals > 1 && digits % 10 == 0; decimals--)
        digits /= 10;
    for (; digits || count <= decimals; digits /= 10) {
        if (count == decimals && decimals)
            reversed[count++] = '.', decimals = 0;
        reversed[count++] = (char)('0' + digits % 10);
    }
    while (count)
        *at++ = reversed[--count];
    return at;
}

/* Write a number; NULL if it is declined. Zero has its sign, as in msgspec. */
static char *write_number(char *at, double number)
{
    double size = fabs(number);
    if (signbit(number))
        *at++ = '-';
    if (!(size < TENS[DIGITS]))
        return NULL;
    if (rint(size) == size)
        return write_decimal(at, (uint64_t)size * 10, 1);
    if (size < SMALLEST)
        return NULL;
    /* No two decimals of 15 digits are the same double, so one that is this double is the shortest,
       but for zeros at its end. A quotient of exact numbers is the double nearest to it. */
    int decimals = SOME;
    double digits = rint(size * TENS[decimals]);
    if (digits / TENS[decimals] != size || digits >= TENS[DIGITS]) {
        for (decimals = DIGITS + 4; size * TENS[decimals] >= TENS[DIGITS]; decimals--)
            continue;
        digits = rint(size * TENS[decimals]);
        if (digits / TENS[decimals] != size || digits >= TENS[DIGITS])
            return NULL;
    }
    return write_decimal(at, (uint64_t)digits, decimals);
}

static char *write_value(const Tables *tables, Field field, char *at, double value)
{
    if (isnan(value))
        return (char *)memcpy(at, "null", 4) + 4;
    if (!field.count)
        return write_number(at, value);
    if (!(value >= 0 && value < field.count))
        return NULL;
    Spelling spelling = tables->spellings[field.first + (int32_t)value];
    return (char *)memcpy(at, tables->texts + spelling.start, (size_t)spelling.length)
           + spelling.length;
}

/* The end of what is written of at least one row; NULL if a value is declined. */
static char *write_all(const Tables *tables, const double *values, Py_ssize_t rows, char *at)
{
    *at++ = '[';
    for (Py_ssize_t row = 0; row < rows; row++) {
        *at++ = '[';
        for (Py_ssize_t column = 0; column < tables->columns; column++) {
            if (!(at = write_value(tables, tables->fields[column], at, *values++)))
                return NULL;
            *at++ = ',';
        }
        at[-1] = ']';
        *at++ = ',';
    }
    at[-1] = ']';
    return at;
}

/* Bytes that a row may take, with its brackets and commas. */
static Py_ssize_t room(const Tables *tables)
{
    Py_ssize_t bytes = 2;
    for (Py_ssize_t column = 0; column < tables->columns; column++) {
        Field field = tables->fields[column];
        int32_t longest = LONGEST;
        for (int32_t each = field.first; each < field.first + field.count; each++)
            if (tables->spellings[each].length > longest)
                longest = tables->spellings[each].length;
        bytes += longest + 1;
    }
    return bytes;
}

static PyObject *write_rows(PyObject *module, PyObject *args)
{
    PyObject *texts, *spellings, *fields;
    Py_buffer rows;
    (void)module;
    if (!PyArg_ParseTuple(args, "(SSS)y*", &texts, &spellings, &fields, &rows))
        return NULL;
    Tables tables = {
        .texts = PyBytes_AS_STRING(texts),
        .spellings = (const Spelling *)PyBytes_AS_STRING(spellings),
        .fields = (const Field *)PyBytes_AS_STRING(fields),
        .columns = PyBytes_GET_SIZE(fields) / (Py_ssize_t)sizeof(Field),
    };
    Py_ssize_t count = rows.len / 8 / tables.columns;
    PyObject *written = PyBytes_FromStringAndSize(NULL, count * room(&tables) + 2);
    if (written) {
        char *start = PyBytes_AS_STRING(written), *end = write_all(&tables, rows.buf, count, start);
        if (end)
            _PyBytes_Resize(&written, end - start);
        else {
            Py_DECREF(written);
            written = Py_NewRef(Py_None);
        }
    }
    PyBuffer_Release(&rows);
    return written;
}

static PyMethodDef METHODS[] = {
    {"write_rows", write_rows, METH_VARARGS, "Write rows, or decline."}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot SLOTS[] = {{0, NULL}};
static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_rows", "Writes rows.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__rows(void) { return PyModuleDef_Init(&MODULE); }
