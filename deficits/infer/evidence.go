package infer

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
)

// A task whose largest weight several elements share is evidence of one of them (see
// Task.Main). Which one is drawn by what the task and the elements are, never by what they
// are called, so that other names give the same figures:
//
//   - the element with the fewest tasks of its own so far, so that shared tasks spread;
//   - of these by structure: which weights, maxima and, of tasks with given parameters, which
//     parameters lie around them. Where all parameters are given this is all, so that no
//     answer moves the choice;
//   - else by the answers: the element whose tasks have fewer answers, then fewer points, then
//     by who answered what;
//   - by name only what is alike in all that, and so may be exchanged.
//
// "What lies around" is a colour: every task, element, area and person takes a number from
// its own content and then, some times over, from the numbers of its neighbours (refinement
// of Weisfeiler & Leman 1968, with sums of mixed numbers in place of sorted lists).

// main is the element that the answers are evidence of.
func (t *ModelTask) main() string {
	if t.Evidence != "" && slices.Contains(t.tops(), t.Evidence) {
		return t.Evidence
	}
	return t.Main()
}

// tops are the elements that share the largest weight, in order of ids.
func (t Task) tops() (list []string) {
	top := 0.0
	for _, w := range t.Weights {
		top = max(top, w)
	}
	for _, e := range slices.Sorted(maps.Keys(t.Weights)) {
		if w := t.Weights[e]; w > 0 && w >= top-1e-9 {
			list = append(list, e)
		}
	}
	return list
}

// settle draws the element of every task that several share alike.
func (m *Model) settle(d Data) {
	open, own, estimated := []int{}, map[string]int{}, false
	for i := range m.Tasks {
		t := &m.Tasks[i]
		tops := t.tops()
		switch {
		case t.Out != "" || len(tops) == 0:
		case len(tops) == 1:
			t.Evidence = ""
			own[tops[0]]++
		case slices.Contains(tops, t.Evidence): // as the model has it that the parameters come from
			own[t.Evidence]++
		default:
			t.Evidence = ""
			open = append(open, i)
		}
		estimated = estimated || !t.Fixed && t.Max > 0
	}
	if len(open) == 0 {
		return
	}
	structure := m.colour(Data{})
	answered := colours{}
	var tasks, elements map[string]tally
	if estimated {
		answered = m.colour(d)
		tasks, elements = m.tallies(d)
	}
	slices.SortFunc(open, func(a, b int) int {
		x, y := m.Tasks[a].ID, m.Tasks[b].ID
		return cmp.Or(cmp.Compare(structure.tasks[x], structure.tasks[y]), tasks[x].compare(tasks[y]),
			cmp.Compare(answered.tasks[x], answered.tasks[y]), strings.Compare(x, y))
	})
	for moved := true; moved; { // those that are drawn first see of the others in a second round; each move evens out
		moved = false
		for _, i := range open {
			t := &m.Tasks[i]
			was := t.Evidence
			own[was]--
			t.Evidence = slices.MinFunc(t.tops(), func(x, y string) int {
				return cmp.Or(cmp.Compare(own[x], own[y]), cmp.Compare(structure.elements[x], structure.elements[y]),
					elements[x].compare(elements[y]), cmp.Compare(answered.elements[x], answered.elements[y]), strings.Compare(x, y))
			})
			own[t.Evidence]++
			moved = moved || t.Evidence != was
		}
	}
}

// A tally is how many answers there are and what they gave, in grains.
type tally struct{ answers, grains int64 }

func (a tally) compare(b tally) int {
	return cmp.Or(cmp.Compare(a.answers, b.answers), cmp.Compare(a.grains, b.grains))
}

// grain is a point in whole numbers, whose sums know no order.
func grain(points float64) int64 { return int64(math.Round(256 * points)) }

func (m *Model) tallies(d Data) (tasks, elements map[string]tally) {
	tasks, elements = map[string]tally{}, map[string]tally{}
	by := make([]tally, len(d.Tasks))
	for _, person := range d.Persons {
		for _, r := range person.Responses {
			if r.State != NotReached {
				by[r.Task].answers++
				by[r.Task].grains += grain(r.Points)
			}
		}
	}
	for i, t := range d.Tasks {
		tasks[t.ID] = by[i]
		for e, w := range t.Weights {
			if w > 0 {
				was := elements[e]
				elements[e] = tally{was.answers + by[i].answers, was.grains + by[i].grains}
			}
		}
	}
	return tasks, elements
}

// colours are numbers that tell tasks, and elements, apart by what lies around them.
type colours struct{ tasks, elements map[string]uint64 }

// colour looks at the persons of d too, and at nothing of them where d is empty.
func (m *Model) colour(d Data) colours {
	rounds := 8 // structure is small: far neighbours too
	if len(d.Persons) > 0 {
		rounds = 3
	}
	place := map[string]int{}
	for i := range m.Tasks {
		place[m.Tasks[i].ID] = i
	}
	tasks, elements, persons := make([]uint64, len(m.Tasks)), map[string]uint64{}, make([]uint64, len(d.Persons))
	for i := range m.Tasks {
		tasks[i] = m.Tasks[i].content()
	}
	for range rounds {
		nextTasks, nextElements, areas := slices.Clone(tasks), maps.Clone(elements), map[string]uint64{}
		for i := range nextTasks {
			nextTasks[i] = mix(nextTasks[i], 1)
		}
		for _, e := range m.Elements {
			areas[e.Area] += mix(elements[e.Element], 2)
		}
		for _, e := range m.Elements {
			nextElements[e.Element] = mix(elements[e.Element], areas[e.Area])
		}
		for i := range m.Tasks {
			for e, w := range m.Tasks[i].Weights {
				if w > 0 {
					nextTasks[i] += mix(math.Float64bits(w), elements[e])
					nextElements[e] += mix(math.Float64bits(w), tasks[i])
				}
			}
		}
		nextPersons := make([]uint64, len(persons))
		for p, person := range d.Persons {
			for _, r := range person.Responses {
				if r.State == NotReached {
					continue
				}
				at, points := place[d.Tasks[r.Task].ID], uint64(grain(r.Points))
				nextTasks[at] += mix(points, persons[p])
				nextPersons[p] += mix(points, tasks[at])
			}
		}
		tasks, elements, persons = nextTasks, nextElements, nextPersons
	}
	out := colours{map[string]uint64{}, elements}
	for i := range m.Tasks {
		out.tasks[m.Tasks[i].ID] = tasks[i]
	}
	return out
}

// content is the task's own colour: what it gives and, where these are given, its parameters.
func (t *ModelTask) content() uint64 {
	text := fnv.New64a()
	text.Write([]byte(t.Level))
	c := mix(math.Float64bits(t.Max), text.Sum64())
	if !t.Fixed {
		return c
	}
	c = mix(c, math.Float64bits(t.A))
	c = mix(c, math.Float64bits(t.C))
	for _, d := range t.D {
		c = mix(c, math.Float64bits(d))
	}
	for _, s := range t.Scores {
		c = mix(c, uint64(s))
	}
	return c
}

// mix makes one number of two, the finaliser of SplitMix64 (Steele, Lea & Flood 2014).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
