package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Fault is one thing wrong in a problem, with its line and its place ("programmes[3].sessions[0].end").
type Fault struct {
	Line  int
	Place string
	What  string
	owner string // the programme, teacher or set to leave out under skipBad; empty when nothing can be left out
}

// String is "line: place: what is wrong, what was expected"; the caller puts the file's name before it.
func (f Fault) String() string {
	if f.Place == "" {
		return fmt.Sprintf("%d: %s", f.Line, f.What)
	}
	return fmt.Sprintf("%d: %s: %s", f.Line, f.Place, f.What)
}

// Read reads a problem from JSON and checks it whole. With skipBad, programmes and teachers with faults are
// left out, as is from a set of equivalents what is wrong in it, and their faults come back as the list of what was left out; faults of the problem's frame stay.
func Read(in io.Reader, skipBad bool) (p Problem, warnings []string, skipped, faults []Fault, err error) {
	src, err := io.ReadAll(in)
	if err != nil {
		return p, nil, nil, nil, err
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	r := &reader{src: src, began: map[string]int64{}}
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
			perr = fmt.Errorf("more text after the problem")
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
		r.owner, r.began[at] = at, n.at
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
		r.owner = at
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
		r.owner, r.began[at] = at, n.at
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
