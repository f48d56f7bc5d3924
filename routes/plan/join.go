package plan

import (
	"cmp"
	"math"
	"slices"
)

// Move is a teacher's better route beside a plan that stands. Gain is by how much the objective grows.
type Move struct {
	Teacher int // index in the problem
	Steps   []Lock
	Gain    float64
}

// Moves are what the teachers at the indices who (nil: all) can gain over the routes of a plan of other programmes or
// sessions, each keeping every rule of p: those who gain most go first, and get their best route among the seats that
// the others leave. All moves together, with the routes of everybody else, are a plan: what they gain is gained for
// certain, though a plan made anew may gain more. Seats of p that the routes do not hold count as free.
func Moves(p *Problem, routes []Route, who []int) []Move {
	j := newRejoin(p, routes)
	if who == nil {
		who = j.all()
	}
	out := []Move{}
	for _, mv := range j.round(who) {
		q := &j.people[mv.at]
		out = append(out, Move{mv.at, j.locks(mv.set), j.m.worth(q, mv.set) - j.m.worth(q, mv.was)})
	}
	return out
}

// Join makes a plan of p out of a plan of other programmes or sessions that keeps its rules: moves are made as long as
// anybody gains, so many rounds at most. It is never worse than the plan given; its bound is not proved and only its own
// worth.
func Join(p *Problem, a Answer, rounds int) Answer {
	j := newRejoin(p, a.Teachers)
	moved := map[int]bool{}
	for range rounds {
		moves := j.round(j.all())
		for _, mv := range moves {
			moved[mv.at] = true
		}
		if len(moves) == 0 {
			break
		}
	}
	out := Answer{Teachers: slices.Clone(a.Teachers), Unmet: []Unmet{}, Warnings: a.Warnings}
	sums := tally{}
	for i := range out.Teachers {
		if moved[i] {
			out.Teachers[i] = j.m.route(&p.Teachers[i], &j.people[i], found{slots: j.sets[i], feasible: true}, j.left)
		}
		sums.add(p, &out, &out.Teachers[i])
	}
	sums.end(&out, math.Inf(-1))
	return out
}

// rejoin is a plan that better routes are put into.
type rejoin struct {
	m      *model
	people []person
	sets   [][]int32
	left   []int // seats nobody holds, by slot
}

func newRejoin(p *Problem, routes []Route) *rejoin {
	j := &rejoin{m: newModel(p)}
	m := j.m
	slot := map[Lock]int32{}
	for s := range m.slots {
		slot[Lock{m.progs[m.slots[s].prog].src.ID, m.slots[s].id}] = int32(s)
		j.left = append(j.left, m.slots[s].seats)
	}
	for i := range p.Teachers {
		set := []int32{}
		for _, st := range routes[i].Steps {
			o := slot[Lock{st.Programme, st.Session}]
			set = append(set, o)
			j.left[o]--
		}
		slices.Sort(set)
		j.people, j.sets = append(j.people, m.person(&p.Teachers[i])), append(j.sets, set)
	}
	return j
}

func (j *rejoin) all() []int {
	out := make([]int, len(j.people))
	for i := range out {
		out[i] = i
	}
	return out
}

// better is a teacher's other route.
type better struct {
	at       int
	was, set []int32
	gain     float64
}

// round lets everybody gain once.
func (j *rejoin) round(who []int) []better {
	s := searchers.Get().(*searcher)
	s.reset(j.m)
	price := make([]float64, len(j.left))
	wishes := []better{}
	for _, i := range who {
		if b, ok := j.best(s, price, i); ok {
			wishes = append(wishes, b)
		}
	}
	slices.SortFunc(wishes, func(a, b better) int { return cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(a.at, b.at)) })
	out := []better{}
	for _, b := range wishes {
		ok := true
		if slices.ContainsFunc(b.set, func(o int32) bool { return !j.free(b.was, o) }) { // taken meanwhile
			b, ok = j.best(s, price, b.at)
		}
		if !ok {
			continue
		}
		for _, o := range b.was {
			j.left[o]++
		}
		for _, o := range b.set {
			j.left[o]--
		}
		j.sets[b.at] = b.set
		out = append(out, b)
	}
	s.release()
	return out
}

// free tells whether a seat is there for whoever holds a set.
func (j *rejoin) free(set []int32, o int32) bool {
	return j.m.slots[o].seats < 0 || j.left[o] > 0 || slices.Contains(set, o)
}

func (j *rejoin) best(s *searcher, price []float64, i int) (better, bool) {
	q, set := &j.people[i], j.sets[i]
	for o := range price {
		if price[o] = 0; !j.free(set, int32(o)) {
			price[o] = math.Inf(1)
		}
	}
	f := s.solve(q, price, set, 5000)
	b := better{i, set, f.slots, 0}
	if f.feasible {
		b.gain = j.m.worth(q, f.slots) - j.m.worth(q, set)
	}
	return b, b.gain > 1e-9
}

func (j *rejoin) locks(set []int32) []Lock {
	out := []Lock{}
	for _, o := range j.m.order(set) {
		out = append(out, Lock{j.m.progs[j.m.slots[o].prog].src.ID, j.m.slots[o].id})
	}
	return out
}
