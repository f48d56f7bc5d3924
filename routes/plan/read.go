package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Fault is one thing wrong in a problem, with its line and its place ("programmes[3].sessions[0].end").
type Fault struct {
	Line  int
	Place string
	What  string
	owner string // the programme or teacher to leave out under skipBad; empty when nothing can be left out
}

// String is "line: place: what is wrong, what was expected"; the caller puts the file's name before it.
func (f Fault) String() string {
	if f.Place == "" {
		return fmt.Sprintf("%d: %s", f.Line, f.What)
	}
	return fmt.Sprintf("%d: %s: %s", f.Line, f.Place, f.What)
}

// node is a JSON value that remembers where it stood.
type node struct {
	at   int64
	kind byte // o a s n b z: object, array, string, number, bool, null
	str  string
	keys []string
	kids []*node
}

func (n *node) get(key string) *node {
	if n == nil || n.kind != 'o' {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.kids[i]
		}
	}
	return nil
}

func kindName(k byte) string {
	return map[byte]string{'o': "an object", 'a': "a list", 's': "a string", 'n': "a number", 'b': "true or false", 'z': "null"}[k]
}

func parseNode(dec *json.Decoder, depth int) (*node, error) {
	if depth > 64 {
		return nil, fmt.Errorf("nested too deeply, expected a problem")
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{at: dec.InputOffset()}
	switch v := tok.(type) {
	case json.Delim:
		n.at--
		if v == '{' {
			n.kind = 'o'
			for dec.More() {
				k, err := dec.Token()
				if err != nil {
					return nil, err
				}
				kid, err := parseNode(dec, depth+1)
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, k.(string))
				n.kids = append(n.kids, kid)
			}
		} else {
			n.kind = 'a'
			for dec.More() {
				kid, err := parseNode(dec, depth+1)
				if err != nil {
					return nil, err
				}
				n.kids = append(n.kids, kid)
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
	case string:
		n.kind, n.str = 's', v
	case json.Number:
		n.kind, n.str = 'n', v.String()
	case bool:
		n.kind = 'b'
	case nil:
		n.kind = 'z'
	}
	return n, nil
}

// reader turns nodes into a Problem and gathers every fault instead of stopping at the first.
type reader struct {
	src    []byte
	lines  []int64
	faults []Fault
	warns  []string
	owner  string
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

// Read reads a problem from JSON and checks it whole. With skipBad, programmes and teachers with faults are
// left out and their faults come back as the list of what was left out; faults of the problem's frame stay.
func Read(in io.Reader, skipBad bool) (p Problem, warnings []string, skipped, faults []Fault, err error) {
	src, err := io.ReadAll(in)
	if err != nil {
		return p, nil, nil, nil, err
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	r := &reader{src: src}
	for i, c := range src {
		if c == '\n' {
			r.lines = append(r.lines, int64(i))
		}
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	root, perr := parseNode(dec, 0)
	if perr == nil {
		if _, extra := dec.Token(); extra != io.EOF {
			perr = fmt.Errorf("more text after the problem, expected its end")
		}
	}
	if perr != nil {
		what := perr.Error()
		if perr == io.EOF || perr == io.ErrUnexpectedEOF {
			what = "the text ends too early"
		}
		at := dec.InputOffset()
		var syn *json.SyntaxError
		if asSyntax(perr, &syn) && syn.Offset > 0 {
			at = syn.Offset - 1
		}
		return p, nil, nil, []Fault{{Line: r.line(at), What: "not JSON: " + what + ", expected a problem in JSON"}}, nil
	}
	p = r.problem(root)
	skipped, faults = r.settle(&p, skipBad)
	if len(faults) == 0 {
		r.warns = append(r.warns, softWarnings(&p)...)
	}
	return p, r.warns, skipped, faults, nil
}

func asSyntax(err error, out **json.SyntaxError) bool {
	s, ok := err.(*json.SyntaxError)
	if ok {
		*out = s
	}
	return ok
}

func (r *reader) problem(root *node) Problem {
	var p Problem
	if !r.fields(root, "", "limits", "hour_penalty", "change_penalty", "programmes", "equivalents", "teachers", "fairness") {
		return p
	}
	p.Limits = r.limits(root.get("limits"), "limits")
	p.HourPenalty = r.number(root.get("hour_penalty"), "hour_penalty")
	p.ChangePenalty = r.number(root.get("change_penalty"), "change_penalty")
	if n := root.get("fairness"); n != nil {
		v := r.number(n, "fairness")
		if v > 1 {
			r.fault(n, "fairness", "%s is above 1, expected the share of the mean that every territory reaches, 0 to 1", n.str)
		}
		p.Fairness = &v
	}

	progs := r.list(root.get("programmes"), "programmes")
	place := map[string]*node{}
	for i, n := range progs {
		at := fmt.Sprintf("programmes[%d]", i)
		r.owner = at
		var g Programme
		if r.fields(n, at, "id", "hours", "cost", "covers", "sessions", "requires", "group", "title") {
			g = r.programme(n, at)
			if g.ID != "" {
				if place[g.ID] != nil {
					r.fault(n.get("id"), join(at, "id"), "%q is also the id of a programme above (line %d), expected ids that differ", g.ID, r.line(place[g.ID].at))
				} else {
					place[g.ID] = n
				}
			}
		}
		p.Programmes = append(p.Programmes, g)
	}
	for i, n := range progs {
		at := fmt.Sprintf("programmes[%d]", i)
		r.owner = at
		for j, q := range p.Programmes[i].Requires {
			if place[q] == nil {
				r.fault(n.get("requires").kids[j], fmt.Sprintf("%s.requires[%d]", at, j), "unknown programme %q, expected the id of one in programmes", q)
			}
		}
	}
	for _, c := range cycles(p.Programmes) {
		at := fmt.Sprintf("programmes[%d]", c[0])
		r.owner = at
		var names []string
		for _, i := range c {
			names = append(names, p.Programmes[i].ID)
		}
		names = append(names, p.Programmes[c[0]].ID)
		r.fault(progs[c[0]].get("requires"), join(at, "requires"), "the requirements run in a circle: %s; expected an order in which they can be taken", strings.Join(names, " → "))
	}

	for i, n := range r.listAs(root.get("equivalents"), "equivalents") {
		at := fmt.Sprintf("equivalents[%d]", i)
		set := r.texts(n, at)
		for j, q := range set {
			if place[q] == nil {
				r.fault(n.kids[j], fmt.Sprintf("%s[%d]", at, j), "unknown programme %q, expected the id of one in programmes", q)
			}
			if slices.Index(set, q) != j {
				r.fault(n.kids[j], fmt.Sprintf("%s[%d]", at, j), "%q stands twice in the set, expected once", q)
			}
		}
		p.Equivalents = append(p.Equivalents, set)
	}
	seen := map[string]*node{}
	for i, n := range r.listAs(root.get("teachers"), "teachers") {
		at := fmt.Sprintf("teachers[%d]", i)
		r.owner = at
		var t Teacher
		if r.fields(n, at, "id", "deficits", "done", "limits", "unavailable", "locked", "required", "forbidden", "preferences", "keep", "under_way", "territory", "name") {
			t = r.teacher(n, at, p.Programmes, place)
			if t.ID != "" {
				if seen[t.ID] != nil {
					r.fault(n.get("id"), join(at, "id"), "%q is also the id of a teacher above (line %d), expected ids that differ", t.ID, r.line(seen[t.ID].at))
				} else {
					seen[t.ID] = n
				}
			}
		}
		p.Teachers = append(p.Teachers, t)
	}
	r.owner = ""
	return p
}

// listAs is list for a part of the frame: its faults belong to nobody who could be left out.
func (r *reader) listAs(n *node, place string) []*node {
	r.owner = ""
	return r.list(n, place)
}

func (r *reader) programme(n *node, at string) Programme {
	g := Programme{
		ID:       r.id(n.get("id"), n, join(at, "id")),
		Hours:    r.number(n.get("hours"), join(at, "hours")),
		Cost:     r.number(n.get("cost"), join(at, "cost")),
		Covers:   r.weights(n.get("covers"), join(at, "covers")),
		Requires: r.texts(n.get("requires"), join(at, "requires")),
		Group:    r.text(n.get("group"), join(at, "group")),
	}
	if n.get("hours") == nil {
		r.warn("%s: no hours, taken as 0", at)
	}
	for _, e := range keys(g.Covers) {
		if g.Covers[e] > 1 {
			r.warn("%s.covers.%s: a share above 1 closes no more than 1 does", at, e)
		}
	}
	var ids []string
	for j, s := range r.list(n.get("sessions"), join(at, "sessions")) {
		sat := fmt.Sprintf("%s.sessions[%d]", at, j)
		if !r.fields(s, sat, "id", "start", "end", "mode", "seats", "venue") {
			continue
		}
		x := Session{ID: r.id(s.get("id"), s, join(sat, "id")), Mode: Online, Venue: r.text(s.get("venue"), join(sat, "venue"))}
		x.Start, x.End = r.span(s, sat)
		if m := s.get("mode"); m != nil {
			x.Mode = Mode(r.text(m, join(sat, "mode")))
			if m.kind == 's' && x.Mode != FullTime && x.Mode != Online {
				r.fault(m, join(sat, "mode"), "unknown mode %q, expected full-time or online", x.Mode)
			}
		}
		if k := s.get("seats"); k != nil {
			v := r.number(k, join(sat, "seats"))
			if v != math.Trunc(v) || v > 1e9 {
				r.fault(k, join(sat, "seats"), "%s is not a number of seats, expected a whole number", k.str)
			} else {
				seats := int(v)
				x.Seats = &seats
			}
		}
		if x.ID != "" && slices.Contains(ids, x.ID) {
			r.fault(s.get("id"), join(sat, "id"), "%q is also the id of a session above, expected ids that differ", x.ID)
		}
		ids = append(ids, x.ID)
		g.Sessions = append(g.Sessions, x)
	}
	return g
}

func (r *reader) teacher(n *node, at string, progs []Programme, known map[string]*node) Teacher {
	t := Teacher{
		ID:        r.id(n.get("id"), n, join(at, "id")),
		Deficits:  r.weights(n.get("deficits"), join(at, "deficits")),
		Done:      r.texts(n.get("done"), join(at, "done")),
		Limits:    r.limits(n.get("limits"), join(at, "limits")),
		Required:  r.texts(n.get("required"), join(at, "required")),
		Forbidden: r.texts(n.get("forbidden"), join(at, "forbidden")),
		UnderWay:  r.texts(n.get("under_way"), join(at, "under_way")),
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"done", t.Done}, {"forbidden", t.Forbidden}, {"required", t.Required}, {"under_way", t.UnderWay}} {
		for j, q := range l.list {
			if known[q] == nil {
				r.fault(n.get(l.key).kids[j], fmt.Sprintf("%s.%s[%d]", at, l.key, j), "unknown programme %q, expected the id of one in programmes", q)
			}
		}
	}
	t.Territory = r.text(n.get("territory"), join(at, "territory"))
	if w := n.get("preferences"); w != nil {
		t.Preferences = r.preferences(w, join(at, "preferences"))
	}
	for j, u := range r.list(n.get("unavailable"), join(at, "unavailable")) {
		uat := fmt.Sprintf("%s.unavailable[%d]", at, j)
		if r.fields(u, uat, "start", "end") {
			a, b := r.span(u, uat)
			t.Unavailable = append(t.Unavailable, Span{a, b})
		}
	}
	t.Locked = r.locks(n.get("locked"), join(at, "locked"), progs)
	t.Keep = r.locks(n.get("keep"), join(at, "keep"), progs)
	for j, l := range t.Keep {
		if l.Session == "" {
			r.fault(n.get("keep").kids[j], fmt.Sprintf("%s.keep[%d].session", at, j), "missing, expected the session that the route holds")
		}
	}
	return t
}

// locks reads a list of steps.
func (r *reader) locks(n *node, at string, progs []Programme) []Lock {
	var out []Lock
	for j, l := range r.list(n, at) {
		lat := fmt.Sprintf("%s[%d]", at, j)
		if !r.fields(l, lat, "programme", "session") {
			out = append(out, Lock{})
			continue
		}
		lock := Lock{r.id(l.get("programme"), l, join(lat, "programme")), r.text(l.get("session"), join(lat, "session"))}
		i := slices.IndexFunc(progs, func(g Programme) bool { return g.ID == lock.Programme })
		switch {
		case lock.Programme == "":
		case i < 0:
			r.fault(l, join(lat, "programme"), "unknown programme %q, expected the id of one in programmes", lock.Programme)
		case lock.Session != "" && !slices.ContainsFunc(progs[i].Sessions, func(s Session) bool { return s.ID == lock.Session }):
			r.fault(l, join(lat, "session"), "programme %q has no session %q, expected one of its sessions", lock.Programme, lock.Session)
		case slices.ContainsFunc(out, func(o Lock) bool { return o.Programme == lock.Programme }):
			r.fault(l, join(lat, "programme"), "%q stands twice in the list, expected once", lock.Programme)
		}
		out = append(out, lock)
	}
	return out
}

// preferences reads wishes about form, place and time.
func (r *reader) preferences(n *node, at string) *Preferences {
	if !r.fields(n, at, "modes", "venues", "months", "hours_a_month") {
		return nil
	}
	w := &Preferences{Venues: r.texts(n.get("venues"), join(at, "venues")), HoursAMonth: r.limit(n.get("hours_a_month"), join(at, "hours_a_month"))}
	for j, k := range r.list(n.get("modes"), join(at, "modes")) {
		m := Mode(r.text(k, fmt.Sprintf("%s.modes[%d]", at, j)))
		if k.kind == 's' && m != FullTime && m != Online {
			r.fault(k, fmt.Sprintf("%s.modes[%d]", at, j), "unknown mode %q, expected full-time or online", m)
		}
		w.Modes = append(w.Modes, m)
	}
	for j, k := range r.list(n.get("months"), join(at, "months")) {
		mat := fmt.Sprintf("%s.months[%d]", at, j)
		m, err := ParseMonth(r.text(k, mat))
		if err != nil && k.kind == 's' {
			r.fault(k, mat, "%q is not a month of the calendar, expected one such as 2026-11", k.str)
		}
		w.Months = append(w.Months, m)
	}
	return w
}

// settle decides what becomes of the faults: all refuse the problem, or their owners are left out.
func (r *reader) settle(p *Problem, skipBad bool) (skipped, faults []Fault) {
	if !skipBad {
		return nil, r.faults
	}
	bad := map[string]bool{}
	for _, f := range r.faults {
		if f.owner == "" {
			faults = append(faults, f)
		} else {
			bad[f.owner] = true
			skipped = append(skipped, f)
		}
	}
	if len(faults) > 0 {
		return nil, r.faults
	}
	// A programme that needs one left out cannot be taken either, unless the teacher has done it: it stays
	// only when all its requirements stay.
	gone := map[string]bool{}
	stay := map[string]bool{}
	for i, g := range p.Programmes {
		if bad[fmt.Sprintf("programmes[%d]", i)] {
			gone[g.ID] = true
		} else {
			stay[g.ID] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for i, g := range p.Programmes {
			at := fmt.Sprintf("programmes[%d]", i)
			if bad[at] {
				continue
			}
			for _, q := range g.Requires {
				if gone[q] && !stay[q] {
					bad[at], gone[g.ID], changed = true, true, true
					delete(stay, g.ID)
					skipped = append(skipped, Fault{Line: 1, Place: at, What: fmt.Sprintf("requires %q, which was left out", q)})
					break
				}
			}
		}
	}
	keep := p.Programmes[:0]
	for i, g := range p.Programmes {
		if !bad[fmt.Sprintf("programmes[%d]", i)] {
			keep = append(keep, g)
		}
	}
	p.Programmes = keep
	for i := range p.Equivalents {
		p.Equivalents[i] = slices.DeleteFunc(p.Equivalents[i], func(q string) bool { return !stay[q] })
	}
	teachers := p.Teachers[:0]
	for i, t := range p.Teachers {
		if bad[fmt.Sprintf("teachers[%d]", i)] {
			continue
		}
		lost := func(q string) bool { return !stay[q] }
		t.Done = slices.DeleteFunc(t.Done, lost)
		t.Forbidden = slices.DeleteFunc(t.Forbidden, lost)
		t.Keep = slices.DeleteFunc(t.Keep, func(l Lock) bool { return lost(l.Programme) })
		if j := slices.IndexFunc(t.Required, lost); j >= 0 {
			skipped = append(skipped, Fault{Line: 1, Place: fmt.Sprintf("teachers[%d]", i), What: fmt.Sprintf("requires %q, which was left out", t.Required[j])})
			continue
		}
		if j := slices.IndexFunc(t.Locked, func(l Lock) bool { return lost(l.Programme) }); j >= 0 {
			skipped = append(skipped, Fault{Line: 1, Place: fmt.Sprintf("teachers[%d]", i), What: fmt.Sprintf("locks %q, which was left out", t.Locked[j].Programme)})
			continue
		}
		teachers = append(teachers, t)
	}
	p.Teachers = teachers
	return skipped, nil
}

// cycles finds one circle of requirements from each knot of them, as indexes into progs.
func cycles(progs []Programme) [][]int {
	index := map[string]int{}
	for i := len(progs) - 1; i >= 0; i-- {
		index[progs[i].ID] = i
	}
	const (
		fresh = iota
		open
		closed
	)
	state := make([]int, len(progs))
	var path []int
	var found [][]int
	var walk func(i int)
	walk = func(i int) {
		state[i] = open
		path = append(path, i)
		for _, q := range progs[i].Requires {
			j, ok := index[q]
			if !ok {
				continue
			}
			switch state[j] {
			case fresh:
				walk(j)
			case open:
				found = append(found, slices.Clone(path[slices.Index(path, j):]))
			}
		}
		path = path[:len(path)-1]
		state[i] = closed
	}
	for i := range progs {
		if state[i] == fresh {
			walk(i)
		}
	}
	return found
}

// softWarnings names what is allowed but worth a look.
func softWarnings(p *Problem) []string {
	var out []string
	covered := map[string]bool{}
	for _, g := range p.Programmes {
		for e, s := range g.Covers {
			if s > 0 {
				covered[e] = true
			}
		}
	}
	orphans := map[string]bool{}
	for _, t := range p.Teachers {
		some := false
		for e, w := range t.Deficits {
			if w > 0 {
				some = true
				if !covered[e] {
					orphans[e] = true
				}
			}
		}
		if !some {
			out = append(out, fmt.Sprintf("teacher %q has no deficits", t.ID))
		}
	}
	for _, e := range keys(orphans) {
		out = append(out, fmt.Sprintf("no programme covers element %q", e))
	}
	for _, g := range p.Programmes {
		if len(g.Sessions) == 0 {
			out = append(out, fmt.Sprintf("programme %q has no sessions", g.ID))
		}
		for _, s := range g.Sessions {
			if s.Seats != nil && *s.Seats == 0 {
				out = append(out, fmt.Sprintf("session %q of programme %q has no seats", s.ID, g.ID))
			}
		}
	}
	return out
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
