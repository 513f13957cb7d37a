/* Reads a JSON array of flat objects into a matrix of doubles, one row for each object; or an array
   of values, or of arrays of values in a known order, as the store keeps them.

   Only columns.py calls this, with the tables that it made of a model's fields. A body that is not
   plainly what those tables describe is declined, whatever is wrong with it: msgspec reads it then.
   No string is decoded: a name or a label is a spelling in the tables, byte for byte, or unknown,
   so what is accepted is UTF-8. A body ends in a NUL, which no loop passes. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LONG = 1 << 20 }; /* bytes: Python's lock is kept for less, which takes under a millisecond */
enum { LISTED, NUMBER, INTEGER }; /* kinds of fields: only spellings of their own, or numbers too */

typedef struct { int32_t start, length; double value; } Spelling; /* in JSON, with its quotes */
typedef struct { int32_t kind, is_optional, first, end; double lowest, highest; } Field;
_Static_assert(sizeof(Spelling) == 16 && sizeof(Field) == 32, "as NumPy lays them out");

/* What is remembered by the place of a name in a record, and by the column of its field. */
typedef struct { int32_t name; Py_ssize_t row; } Last;

typedef struct {
    const char *texts;         /* of all spellings, one behind the other */
    const Spelling *spellings; /* first of names, whose values are columns; then of fields' values */
    const Field *fields;
    Py_ssize_t columns;
    const char *at, *end; /* of the body: what is read next, and its NUL */
    Last *last;
} Reader;

/* The spellings from first to end are ordered by length, those of a length by their bytes. */
static const Spelling *find(const Reader *reader, int32_t first, int32_t end, const char *text,
                            Py_ssize_t length)
{
    while (first < end) {
        int32_t middle = first + (end - first) / 2;
        const Spelling *spelling = reader->spellings + middle;
        int order = spelling->length < length ? -1 : spelling->length > length;
        if (!order)
            order = memcmp(reader->texts + spelling->start, text, (size_t)length);
        if (!order)
            return spelling;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

static void skip_space(Reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\t' || *reader->at == '\r')
        reader->at++;
}

/* Take the next character that is no space. */
static char next(Reader *reader)
{
    skip_space(reader);
    return reader->at < reader->end ? *reader->at++ : 0;
}

/* Take a string, or what may be a number or a word, and find it among spellings. */
static const Spelling *take_spelling(Reader *reader, int32_t first, int32_t end)
{
    const char *start = reader->at, *at = start;
    if (*at == '"') {
        for (at++; *at != '"'; at++) {
            at += *at == '\\' && at[1]; /* what is behind it does not end the string */
            if (!*at)
                return NULL;
        }
        at++;
    } else
        while (*at && !strchr(",}] \n\t\r", *at))
            at++;
    reader->at = at;
    return find(reader, first, end, start, at - start);
}

/* The column of the next name; -1 if it is no field's. Most records have the names of the record
   before, in its order. */
static Py_ssize_t take_name(Reader *reader, Py_ssize_t place)
{
    const Spelling *name = reader->spellings + reader->last[place].name;
    skip_space(reader);
    if (reader->end - reader->at >= name->length
        && !memcmp(reader->at, reader->texts + name->start, (size_t)name->length))
        reader->at += name->length; /* a whole string, since it ends in a quote */
    else if ((name = take_spelling(reader, 0, reader->fields[0].first)))
        reader->last[place].name = (int32_t)(name - reader->spellings);
    return name ? (Py_ssize_t)name->value : -1;
}

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_TEN = 22, MAX_FIVE = 27 }; /* powers up to which doubles, and 63 bits, are exact */
static const uint64_t EXACT = UINT64_C(1) << 53;

/* digits / 10^power, rounded to nearest; digits are above 2^53. The quotient has at least 55 bits,
   of which a double keeps 53; its last bit is also set for a remainder. */
static double quotient(uint64_t digits, Py_ssize_t power)
{
    __extension__ typedef unsigned __int128 Wide;
    Py_ssize_t some = power < MAX_TEN ? power : MAX_TEN;
    uint64_t five = (uint64_t)(TENS[some] / (double)(1 << some));
    for (; some < power; some++)
        five *= 5;
    Wide dividend = (Wide)digits << 64, whole = dividend / five;
    return ldexp((double)(whole | (whole * five != dividend)), -64 - (int)power);
}

/* The end of one digit or more, appended to `digits`; NULL if there is none, or no room. */
static const char *take_digits(const char *at, uint64_t *digits)
{
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*digits > (UINT64_MAX - 9) / 10)
            return NULL;
        *digits = *digits * 10 + (uint64_t)(*at - '0');
    }
    return at == start ? NULL : at;
}

/* Take a number, rounded to nearest; 0 if it is none, or one that is not easily exact. */
static int take_number(Reader *reader, int is_whole, double *number)
{
    int is_negative = *reader->at == '-';
    const char *start = reader->at + is_negative;
    uint64_t digits = 0, exponent = 0;
    Py_ssize_t power = 0;
    const char *at = take_digits(start, &digits), *point = at;
    if (!at || (*start == '0' && at - start > 1))
        return 0;
    if (*at == '.') {
        if (!(at = take_digits(point + 1, &digits)))
            return 0;
        power = point + 1 - at;
    }
    if (*at == 'e' || *at == 'E') {
        int is_below = at[1] == '-';
        at = take_digits(at + 1 + (is_below || at[1] == '+'), &exponent);
        if (!at || exponent > 999)
            return 0;
        power += is_below ? -(Py_ssize_t)exponent : (Py_ssize_t)exponent;
    }
    reader->at = at;
    if (!power)
        *number = (double)digits;
    else if (digits <= EXACT && power >= -MAX_TEN && power <= MAX_TEN)
        *number = power < 0 ? (double)digits / TENS[-power] : (double)digits * TENS[power];
    else if (digits > EXACT && power < 0 && power >= -MAX_FIVE)
        *number = quotient(digits, -power);
    else
        return 0;
    if (is_negative && (digits || at > point)) /* -0 without a point is a whole number: 0 */
        *number = -*number;
    return at == point || !is_whole;
}

static int take_value(Reader *reader, const Field *field, double *value)
{
    skip_space(reader);
    if (field->kind != LISTED && (*reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9')))
        return take_number(reader, field->kind == INTEGER, value) && *value >= field->lowest
               && *value <= field->highest;
    const Spelling *spelling = take_spelling(reader, field->first, field->end);
    *value = spelling ? spelling->value : NAN;
    return spelling != NULL;
}

static int take_record(Reader *reader, Py_ssize_t number, double *row)
{
    Py_ssize_t count = 0;
    char mark = next(reader);
    if (mark != '{')
        return 0;
    for (; mark != '}'; count++) {
        Py_ssize_t column = count < reader->columns ? take_name(reader, count) : -1;
        if (column < 0 || reader->last[column].row == number || next(reader) != ':'
            || !take_value(reader, reader->fields + column, row + column))
            return 0;
        reader->last[column].row = number;
        mark = next(reader);
        if (mark != ',' && mark != '}')
            return 0;
    }
    for (Py_ssize_t column = 0; count < reader->columns; column++)
        if (reader->last[column].row != number) {
            if (!reader->fields[column].is_optional)
                return 0;
            row[column] = NAN;
            count++;
        }
    return 1;
}

/* The number of records; 0 if the body is declined. */
static Py_ssize_t take_records(Reader *reader, double *rows, Py_ssize_t room)
{
    Py_ssize_t count = 0;
    char mark = next(reader) == '[' ? ',' : 0;
    while (mark == ',') {
        if (count == room || !take_record(reader, count + 1, rows + count * reader->columns))
            return 0;
        count++;
        mark = next(reader);
    }
    skip_space(reader);
    return mark == ']' && reader->at == reader->end ? count : 0;
}

static PyObject *read_records(PyObject *module, PyObject *args)
{
    PyObject *texts, *spellings, *fields, *body;
    Py_buffer rows;
    (void)module;
    if (!PyArg_ParseTuple(args, "(SSS)Sw*", &texts, &spellings, &fields, &body, &rows))
        return NULL;
    Py_ssize_t count = 0, columns = PyBytes_GET_SIZE(fields) / (Py_ssize_t)sizeof(Field);
    Reader reader = {
        .texts = PyBytes_AS_STRING(texts),
        .spellings = (const Spelling *)PyBytes_AS_STRING(spellings),
        .fields = (const Field *)PyBytes_AS_STRING(fields),
        .columns = columns,
        .at = PyBytes_AS_STRING(body),
        .end = PyBytes_AS_STRING(body) + PyBytes_GET_SIZE(body),
        .last = PyMem_RawCalloc((size_t)columns, sizeof(Last)),
    };
    if (!reader.last)
        PyErr_NoMemory();
    else if (PyBytes_GET_SIZE(body) < LONG)
        count = take_records(&reader, rows.buf, rows.len / 8 / columns);
    else {
        Py_BEGIN_ALLOW_THREADS
        count = take_records(&reader, rows.buf, rows.len / 8 / columns);
        Py_END_ALLOW_THREADS
    }
    PyMem_RawFree(reader.last);
    PyBuffer_Release(&rows);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(count);
}

/* Take the values of one row, in brackets unless it is a single one; null stands for no values. */
static int take_values(Reader *reader, const int32_t *places, Py_ssize_t width, double *row)
{
    if (!width)
        return take_value(reader, reader->fields, row);
    char mark = next(reader);
    if (mark == 'n' && reader->end - reader->at >= 3 && !memcmp(reader->at, "ull", 3)) {
        reader->at += 3;
        return 1;
    }
    if (mark != '[')
        return 0;
    for (Py_ssize_t place = 0; place < width; place++)
        if (!take_value(reader, reader->fields + places[place], row + places[place])
            || next(reader) != (place + 1 < width ? ',' : ']'))
            return 0;
    return 1;
}

static Py_ssize_t take_arrays(Reader *reader, const int32_t *places, Py_ssize_t width, double *rows,
                              Py_ssize_t room)
{
    Py_ssize_t count = 0;
    char mark = next(reader) == '[' ? ',' : 0;
    while (mark == ',') {
        if (count == room || !take_values(reader, places, width, rows + count * reader->columns))
            return 0;
        count++;
        mark = next(reader);
    }
    return mark == ']' && reader->at == reader->end ? count : 0;
}

static PyObject *read_arrays(PyObject *module, PyObject *args)
{
    PyObject *texts, *spellings, *fields, *places;
    Py_buffer rows;
    const char *body;
    Py_ssize_t length, count;
    (void)module;
    if (!PyArg_ParseTuple(args, "(SSS)Ss#w*", &texts, &spellings, &fields, &places, &body, &length,
                          &rows))
        return NULL;
    Reader reader = {
        .texts = PyBytes_AS_STRING(texts),
        .spellings = (const Spelling *)PyBytes_AS_STRING(spellings),
        .fields = (const Field *)PyBytes_AS_STRING(fields),
        .columns = PyBytes_GET_SIZE(fields) / (Py_ssize_t)sizeof(Field),
        .at = body,
        .end = body + length,
    };
    Py_BEGIN_ALLOW_THREADS
    count = take_arrays(&reader, (const int32_t *)PyBytes_AS_STRING(places),
                        PyBytes_GET_SIZE(places) / (Py_ssize_t)sizeof(int32_t), rows.buf,
                        rows.len / 8 / reader.columns);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&rows);
    return PyLong_FromSsize_t(count);
}

static PyMethodDef METHODS[] = {
    {"read_records", read_records, METH_VARARGS, "Read records, or decline."},
    {"read_arrays", read_arrays, METH_VARARGS, "Read arrays of values, or decline."},
    {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot SLOTS[] = {{0, NULL}};
static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_columns", "Reads records.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__columns(void) { return PyModuleDef_Init(&MODULE); }
