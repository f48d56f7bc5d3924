package plan

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"unicode/utf8"
)

// reader turns nodes into a Problem and gathers every fault instead of stopping at the first.
type reader struct {
	src    []byte
	lines  []int64
	faults []Fault
	warns  []string
	owner  string
	began  map[string]int64 // where programmes and teachers stand, by place
}

func (r *reader) line(at int64) int {
	return 1 + sort.Search(len(r.lines), func(i int) bool { return r.lines[i] >= at })
}

func (r *reader) fault(n *node, place, format string, args ...any) {
	line := 1
	if n != nil {
		line = r.line(n.at)
	}
	r.faults = append(r.faults, Fault{Line: line, Place: place, What: fmt.Sprintf(format, args...), owner: r.owner})
}

func (r *reader) warn(format string, args ...any) {
	r.warns = append(r.warns, fmt.Sprintf(format, args...))
}

func (r *reader) is(n *node, kind byte, place string) bool {
	if n.kind != kind {
		r.fault(n, place, "this is %s, expected %s", kindName(n.kind), kindName(kind))
		return false
	}
	return true
}

// fields refuses a key written twice and warns of one that means nothing here.
func (r *reader) fields(n *node, place string, known ...string) bool {
	if !r.is(n, 'o', place) {
		return false
	}
	for i, k := range n.keys {
		if slices.Index(n.keys, k) != i {
			r.fault(n.kids[i], join(place, k), "the key is written twice, expected once")
		}
		if len(known) > 0 && !slices.Contains(known, k) {
			r.warn("%s: unknown key, ignored", join(place, k))
		}
	}
	return true
}

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}

func (r *reader) number(n *node, place string) float64 {
	if n == nil {
		return 0
	}
	if !r.is(n, 'n', place) {
		return 0
	}
	v, err := strconv.ParseFloat(n.str, 64)
	if err != nil || math.IsInf(v, 0) {
		r.fault(n, place, "%s is out of range, expected a number that a program can hold", n.str)
		return 0
	}
	if v < 0 {
		r.fault(n, place, "%s is negative, expected 0 or more", n.str)
		return 0
	}
	return v
}

func (r *reader) limit(n *node, place string) *float64 {
	if n == nil {
		return nil
	}
	v := r.number(n, place)
	return &v
}

func (r *reader) text(n *node, place string) string {
	if n == nil || !r.is(n, 's', place) {
		return ""
	}
	if !utf8.ValidString(n.str) {
		r.fault(n, place, "not UTF-8, expected text in UTF-8")
	}
	return n.str
}

func (r *reader) id(n, parent *node, place string) string {
	if n == nil {
		r.fault(parent, place, "missing, expected an id")
		return ""
	}
	s := r.text(n, place)
	if n.kind == 's' && s == "" {
		r.fault(n, place, "empty, expected an id")
	}
	return s
}

func (r *reader) day(n, parent *node, place string) Day {
	if n == nil {
		r.fault(parent, place, "missing, expected a date such as 2026-11-21")
		return 0
	}
	if !r.is(n, 's', place) {
		return 0
	}
	d, err := ParseDay(n.str)
	if err != nil {
		r.fault(n, place, "%q is not a date of the calendar, expected one such as 2026-11-21", n.str)
	}
	return d
}

func (r *reader) span(n *node, place string) (from, to Day) {
	before := len(r.faults)
	from, to = r.day(n.get("start"), n, join(place, "start")), r.day(n.get("end"), n, join(place, "end"))
	if len(r.faults) == before && to < from {
		r.fault(n.get("end"), join(place, "end"), "%s is before the start %s, expected the same day or later", to, from)
	}
	return from, to
}

func (r *reader) weights(n *node, place string) map[string]float64 {
	out := map[string]float64{}
	if n == nil || !r.fields(n, place) {
		return out
	}
	for i, k := range n.keys {
		if k == "" {
			r.fault(n.kids[i], place, "an element without a name, expected its id")
		}
		out[k] = r.number(n.kids[i], join(place, k))
	}
	return out
}

func (r *reader) list(n *node, place string) []*node {
	if n == nil || !r.is(n, 'a', place) {
		return nil
	}
	return n.kids
}

func (r *reader) texts(n *node, place string) []string {
	var out []string
	for i, k := range r.list(n, place) {
		out = append(out, r.text(k, fmt.Sprintf("%s[%d]", place, i)))
	}
	return out
}

// listAs is list for a part of the frame: its faults belong to nobody who could be left out.
func (r *reader) listAs(n *node, place string) []*node {
	r.owner = ""
	return r.list(n, place)
}

func (r *reader) limits(n *node, place string) Limits {
	var l Limits
	if n == nil || !r.fields(n, place, "hours", "cost", "from", "to") {
		return l
	}
	l.Hours, l.Cost = r.limit(n.get("hours"), join(place, "hours")), r.limit(n.get("cost"), join(place, "cost"))
	before := len(r.faults)
	if k := n.get("from"); k != nil {
		d := r.day(k, n, join(place, "from"))
		l.From = &d
	}
	if k := n.get("to"); k != nil {
		d := r.day(k, n, join(place, "to"))
		l.To = &d
	}
	if l.From != nil && l.To != nil && len(r.faults) == before && *l.To < *l.From {
		r.fault(n.get("to"), join(place, "to"), "%s is before from %s, expected the same day or later", *l.To, *l.From)
	}
	return l
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
