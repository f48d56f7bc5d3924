// Package psychometrics holds what all its methods share: the matrix of scored
// responses and its reader. Each method is a package of its own below it: ctt
// (classical), irt (models, scores, fit), dif, linking, cdm, cat, agreement and
// standard (setting of cut scores). All of them are pure: slices in, values out.
package psychometrics

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Cell is what one person did with one item: a score from 0, or one of the codes below.
type Cell int16

// What a cell says where it is no score.
const (
	Absent     Cell = -1 // not presented: missing by design
	NotReached Cell = -2 // presented, time ran out before it: missing for estimation
	Omitted    Cell = -3 // presented, seen and left: scored 0
)

// Score gives the points that count for estimation; known is false for what is missing.
func (c Cell) Score() (points int, known bool) {
	if c >= 0 {
		return int(c), true
	}
	return 0, c == Omitted
}

// Responses is a matrix of persons × items.
type Responses struct {
	Persons  []string
	Items    []string
	Max      []int    // by item, at least 1: as given, else the largest score seen
	Cells    []Cell   // len(Persons) × len(Items), row by row
	Warnings []string // what a reader of the results ought to know
}

// Row is the responses of person p, one cell an item; it shares the matrix's memory.
func (r *Responses) Row(p int) []Cell {
	k := len(r.Items)
	return r.Cells[p*k : (p+1)*k : (p+1)*k]
}

// Complete lists the persons whose every item has a score.
func (r *Responses) Complete() []int {
	rows := make([]int, 0, len(r.Persons))
	for p := range r.Persons {
		if !slices.ContainsFunc(r.Row(p), func(c Cell) bool { return c == Absent || c == NotReached }) {
			rows = append(rows, p)
		}
	}
	return rows
}

// Select is the same persons with the named columns alone, in the order given.
// Maxima stay; the cells are copied.
func (r *Responses) Select(items []int) *Responses {
	out := &Responses{Persons: r.Persons, Warnings: r.Warnings, Cells: make([]Cell, 0, len(r.Persons)*len(items))}
	for _, i := range items {
		out.Items, out.Max = append(out.Items, r.Items[i]), append(out.Max, r.Max[i])
	}
	for p := range r.Persons {
		row := r.Row(p)
		for _, i := range items {
			out.Cells = append(out.Cells, row[i])
		}
	}
	return out
}

// A Number is a figure in an answer; one that does not exist (NaN, infinite) is null in JSON.
type Number float64

// None is the figure that does not exist.
var None = Number(math.NaN())

// MarshalJSON writes full precision, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	// As encoding/json writes a float64, without its detour.
	f, format := float64(n), byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	b := strconv.AppendFloat(make([]byte, 0, 24), f, format, -1, 64)
	if k := len(b); format == 'e' && k >= 4 && b[k-4] == 'e' && b[k-3] == '-' && b[k-2] == '0' {
		b = append(b[:k-2], b[k-1])
	}
	return b, nil
}

// UnmarshalJSON reads a number, or None for null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = None
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Faults are all that is wrong with an input, a line each: "file:line: what, expected what".
type Faults []string

func (f Faults) Error() string { return strings.Join(f, "\n") }

// mostFaults is how many faults a reader lists before it stops.
const mostFaults = 20

// MaxScore is the largest score a cell may hold; a larger one is a slip of the pen.
const MaxScore = 30000

// Read reads responses.csv: header person,<item>,…; a cell is an integer score
// from 0, O (presented and omitted), N (not reached) or empty (not presented).
// Comma or semicolon, UTF-8 with or without BOM. max gives the items' maxima; an
// item that it does not name takes the largest score seen. Persons without
// answers are kept and named in Warnings. Every fault is one of Faults.
func Read(name string, in io.Reader, max map[string]int) (*Responses, error) {
	head, rows, err := Table(name, in)
	if err != nil {
		return nil, err
	}
	if len(head) < 2 || head[0] != "person" {
		return nil, Faults{fmt.Sprintf("%s:1: the header begins with %q, expected person,<item>,…", name, strings.Join(head[:min(2, len(head))], ","))}
	}
	r := &Responses{Items: head[1:], Max: make([]int, len(head)-1), Persons: []string{}, Warnings: []string{}}
	faults := columnFaults(name, "item", r.Items)
	for item := range max {
		if !slices.Contains(r.Items, item) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("item %s has a maximum and no column", item))
		}
	}
	slices.Sort(r.Warnings)
	persons := map[string]int{}
	limits := make([]int, len(r.Items)) // a larger score is a fault
	for i, item := range r.Items {
		if most, given := max[item]; given {
			limits[i] = most
		} else {
			limits[i] = MaxScore
		}
	}
	r.Cells = make([]Cell, 0, len(rows.rest)/2)
	for line, ok := rows.line(); ok; line, ok = rows.line() {
		if len(faults) >= mostFaults {
			return nil, append(faults, "… and perhaps more: the rest was not read")
		}
		before := len(r.Cells)
		id, cells, plain := rows.plain(line, r.Cells)
		if plain && len(cells)-before == len(r.Items) {
			r.Cells = cells
		} else {
			row, ok := rows.split(line)
			if !ok {
				break
			}
			if len(row) != len(head) {
				faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected %d as in the header", name, rows.Line, len(row), len(head)))
				continue
			}
			id = row[0]
			for i, cell := range row[1:] {
				c, why := parseCell(cell)
				if why != "" {
					faults = append(faults, fmt.Sprintf("%s:%d: item %s: %s", name, rows.Line, r.Items[i], why))
				}
				r.Cells = append(r.Cells, c)
			}
		}
		person := string(id)
		if fault := idFault(name, "person", person, rows.Line, persons); fault != "" {
			faults = append(faults, fault)
			continue
		}
		r.Persons = append(r.Persons, person)
		answers := false
		for i, c := range r.Cells[before:] {
			if c >= 0 {
				if int(c) > limits[i] {
					faults = append(faults, fmt.Sprintf("%s:%d: item %s: \"%d\" is over the maximum %d", name, rows.Line, r.Items[i], c, limits[i]))
				}
				if int(c) > r.Max[i] {
					r.Max[i] = int(c)
				}
			}
			answers = answers || c >= 0 || c == Omitted
		}
		if !answers {
			r.Warnings = append(r.Warnings, fmt.Sprintf("person %s has no answers", person))
		}
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if len(r.Persons) == 0 {
		return nil, Faults{name + ": no persons after the header"}
	}
	for i, item := range r.Items {
		if most, given := max[item]; given {
			r.Max[i] = most
		}
		if r.Max[i] < 1 {
			r.Max[i] = 1
		}
	}
	return r, nil
}

func parseCell(cell []byte) (c Cell, why string) {
	switch {
	case len(cell) == 0:
		return Absent, ""
	case len(cell) == 1 && cell[0] >= '0' && cell[0] <= '9':
		return Cell(cell[0] - '0'), ""
	case len(cell) == 1 && cell[0] == 'O':
		return Omitted, ""
	case len(cell) == 1 && cell[0] == 'N':
		return NotReached, ""
	}
	n, err := strconv.Atoi(string(cell))
	if err != nil || n < 0 || n > MaxScore {
		return Absent, fmt.Sprintf("%q, expected an integer score from 0 to %d, O, N or an empty cell", cell, MaxScore)
	}
	return Cell(n), ""
}

// ReadMaxima reads item,max rows under that header; a maximum is an integer from 1.
func ReadMaxima(name string, in io.Reader) (map[string]int, error) {
	head, rows, err := Table(name, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(head, []string{"item", "max"}) {
		return nil, Faults{fmt.Sprintf("%s:1: the header is %q, expected item,max", name, strings.Join(head, ","))}
	}
	out := map[string]int{}
	var faults Faults
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		if len(row) != 2 {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected item,max", name, rows.Line, len(row)))
			continue
		}
		item := string(row[0])
		n, err := strconv.Atoi(string(row[1]))
		_, twice := out[item]
		switch {
		case item == "" || err != nil || n < 1 || n > MaxScore:
			faults = append(faults, fmt.Sprintf("%s:%d: %q, expected an item and a maximum from 1 to %d", name, rows.Line, bytes.Join(row, []byte(",")), MaxScore))
		case twice:
			faults = append(faults, fmt.Sprintf("%s:%d: item %q stands above already", name, rows.Line, item))
		}
		out[item] = n
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

// Rows are the records of a table after its header.
type Rows struct {
	Line int   // of the record that Next gave last
	Err  error // what ended the rows before the end of the file

	name   string
	rest   []byte
	comma  byte
	next   int
	record [][]byte
}

var bom = []byte("\xef\xbb\xbf")

// Table reads a CSV: its header, and its records one by one. The separator is
// the header's: a semicolon where it has one and no comma, else a comma. White
// space around a cell is no part of it; blank lines are passed over.
func Table(name string, in io.Reader) (head []string, rows *Rows, err error) {
	all, err := readAll(in)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	all = bytes.TrimPrefix(all, bom)
	if !utf8.Valid(all) {
		line := 1
		for rest := all; len(rest) > 0; line++ {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 || !utf8.Valid(rest[:end]) {
				break
			}
			rest = rest[end+1:]
		}
		return nil, nil, Faults{fmt.Sprintf("%s:%d: the text is not UTF-8 (Windows-1251 perhaps), expected CSV in UTF-8", name, line)}
	}
	if bytes.IndexByte(all, 0) >= 0 {
		return nil, nil, Faults{name + ": holds a zero byte, expected CSV text in UTF-8"}
	}
	rows = &Rows{name: name, rest: all, comma: ',', next: 1}
	first := all
	if end := bytes.IndexByte(all, '\n'); end >= 0 {
		first = all[:end]
	}
	if bytes.IndexByte(first, ',') < 0 && bytes.IndexByte(first, ';') >= 0 {
		rows.comma = ';'
	}
	record, ok := rows.Next()
	if rows.Err != nil {
		return nil, nil, Faults{rows.Err.Error()}
	}
	if !ok {
		return nil, nil, Faults{name + ": empty, expected a header and rows"}
	}
	for _, cell := range record {
		head = append(head, string(cell))
	}
	return head, rows, nil
}

// readAll reads a file into room of its size, so that nothing is copied as it grows.
func readAll(in io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if f, ok := in.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			b.Grow(int(st.Size()) + bytes.MinRead)
		}
	}
	_, err := b.ReadFrom(in)
	return b.Bytes(), err
}

// Next gives the next record; its cells live until the call after. It is false
// at the end, or where Err says what is wrong.
func (r *Rows) Next() ([][]byte, bool) {
	line, ok := r.line()
	if !ok {
		return nil, false
	}
	return r.split(line)
}

// line gives the next line that is not blank, without the space around it.
func (r *Rows) line() ([]byte, bool) {
	for r.Err == nil && len(r.rest) > 0 {
		line := r.rest
		if end := bytes.IndexByte(r.rest, '\n'); end >= 0 {
			line, r.rest = r.rest[:end], r.rest[end+1:]
		} else {
			r.rest = nil
		}
		r.Line = r.next
		r.next++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, true
		}
	}
	return nil, false
}

// split cuts a line into its cells.
func (r *Rows) split(line []byte) ([][]byte, bool) {
	r.record = r.record[:0]
	if bytes.IndexByte(line, '"') >= 0 {
		return r.quoted(line)
	}
	for {
		end := bytes.IndexByte(line, r.comma)
		if end < 0 {
			r.record = append(r.record, bytes.TrimSpace(line))
			return r.record, true
		}
		cell := line[:end]
		if len(cell) > 1 {
			cell = bytes.TrimSpace(cell)
		}
		r.record = append(r.record, cell)
		line = line[end+1:]
	}
}

// plain reads a line of the most frequent kind, a person and cells of one
// character or none, without cutting it up: a large file is nearly all that. The
// cells are appended to cells; ok is false where the line is of another kind.
func (r *Rows) plain(line []byte, cells []Cell) (person []byte, _ []Cell, ok bool) {
	end := bytes.IndexByte(line, r.comma)
	if end < 1 || bytes.IndexByte(line[:end], '"') >= 0 {
		return nil, nil, false
	}
	person, line = bytes.TrimSpace(line[:end]), line[end+1:]
	for {
		c, next := Absent, 0
		if len(line) > 0 && line[0] != r.comma {
			next = 1
			switch x := line[0]; {
			case x >= '0' && x <= '9':
				c = Cell(x - '0')
			case x == 'O':
				c = Omitted
			case x == 'N':
				c = NotReached
			default:
				return nil, nil, false
			}
		}
		cells = append(cells, c)
		if next == len(line) {
			return person, cells, true
		}
		if line[next] != r.comma {
			return nil, nil, false
		}
		line = line[next+1:]
	}
}

// quoted reads a line with quotation marks; a quoted cell may not span lines.
func (r *Rows) quoted(line []byte) ([][]byte, bool) {
	c := csv.NewReader(bytes.NewReader(line))
	c.Comma = rune(r.comma)
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = true
	cells, err := c.Read()
	if err != nil {
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			err = parse.Err
		}
		r.Err = fmt.Errorf("%s:%d: %v, expected CSV with a quoted cell on one line", r.name, r.Line, err)
		return nil, false
	}
	for _, cell := range cells {
		r.record = append(r.record, []byte(strings.TrimSpace(cell)))
	}
	return r.record, true
}
