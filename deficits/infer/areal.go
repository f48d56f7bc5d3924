package infer

import "math"

// A fitArea holds the different ways in which persons answered the tasks of an area: each
// is summed once a cycle for all its persons, and what differs between them, the rest of
// their answers, is a distribution of η alone.
type fitArea struct {
	kinds    []int     // its elements
	patterns []int32   // by pattern, by element of kinds: the element's pattern
	count    []float64 // persons
	of       []int32   // person → pattern
	persons  []int32   // by pattern,
	from     []int32   // those of pattern a are persons[from[a]:from[a+1]]
	message  []float64 // pattern × node: likelihood at η (with one area at θ), largest 1; after collect the sum over its persons of P(θ_g | all answers)
	logs     []float64
	sums     regression // of θ_g on η, over persons
}

// newFitArea sorts persons by their answers to the area's elements.
func (f *fitting) newFitArea(g int) fitArea {
	a := fitArea{of: make([]int32, f.persons)}
	for k, area := range f.area {
		if area == g {
			a.kinds = append(a.kinds, k)
		}
	}
	known, key := map[string]int32{}, make([]byte, 4*len(a.kinds))
	for p := range f.persons {
		row := f.pattern[p*len(f.kinds) : (p+1)*len(f.kinds)]
		for i, k := range a.kinds {
			putInt32(key[4*i:], row[k])
		}
		at, ok := known[string(key)]
		if !ok {
			at = int32(len(a.count))
			known[string(key)] = at
			a.count = append(a.count, 0)
			for _, k := range a.kinds {
				a.patterns = append(a.patterns, row[k])
			}
		}
		a.of[p] = at
		a.count[at]++
	}
	a.from = make([]int32, len(a.count)+1)
	for at, n := range a.count {
		a.from[at+1] = a.from[at] + int32(n)
	}
	next := append([]int32{}, a.from...)
	a.persons = make([]int32, f.persons)
	for p, at := range a.of {
		a.persons[next[at]] = int32(p)
		next[at]++
	}
	a.message, a.logs = make([]float64, len(a.count)*len(fitGrid.theta)), make([]float64, len(a.count))
	return a
}

func putInt32(to []byte, x int32) {
	to[0], to[1], to[2], to[3] = byte(x>>24), byte(x>>16), byte(x>>8), byte(x)
}

// likelihood fills out with that of the answers of pattern at, at each θ_g, and gives the
// logarithm of its scale.
func (f *fitting) likelihood(a *fitArea, at int, out []float64) (log float64) {
	q := len(out)
	for i := range out {
		out[i] = 1
	}
	for i, k := range a.kinds {
		e, pattern := &f.kinds[k], int(a.patterns[at*len(a.kinds)+i])
		if pattern == 0 {
			continue
		}
		log += e.logs[pattern]
		for j, x := range e.up[pattern*q : (pattern+1)*q] {
			out[j] *= x
		}
		if i&7 == 7 { // long products are kept from underflow
			log += scaled(out)
		}
	}
	return log + scaled(out)
}

// someOf is how many patterns or persons one worker takes at a time.
const someOf = 64

// upwards passes the areas' messages to η and fills root with every person's distribution
// of η (with one area, of θ).
func (f *fitting) upwards() {
	q := len(f.tree.theta)
	for g := range f.areas {
		a := &f.areas[g]
		workers((len(a.count)+someOf-1)/someOf, func(c int) {
			areal := make([]float64, q)
			for at := c * someOf; at < min(len(a.count), (c+1)*someOf); at++ {
				message := a.message[at*q : (at+1)*q]
				if f.tree.n == 1 {
					a.logs[at] = f.likelihood(a, at, message)
					continue
				}
				a.logs[at] = f.likelihood(a, at, areal)
				f.tree.areas[g].up(areal, message)
				a.logs[at] += scaled(message)
			}
		})
	}
	workers((f.persons+someOf-1)/someOf, func(c int) {
		for p := c * someOf; p < min(f.persons, (c+1)*someOf); p++ {
			root, log := f.root[p*q:(p+1)*q], 0.0
			copy(root, f.tree.root)
			for g := range f.areas {
				a := &f.areas[g]
				at := int(a.of[p])
				log += a.logs[at]
				for j, x := range a.message[at*q : (at+1)*q] {
					root[j] *= x
				}
				if g&15 == 15 {
					log += scaled(root)
				}
			}
			f.log[p] = log + normalise(root)
		}
	})
}

// downwards sums, for every pattern of an area, P(θ_g | all answers) over its persons, and
// the regression of θ_g on η.
func (f *fitting) downwards() {
	q := len(f.tree.theta)
	for g := range f.areas {
		a := &f.areas[g]
		chunks := (len(a.count) + someOf - 1) / someOf
		sums := make([]regression, chunks)
		workers(chunks, func(c int) {
			areal, root, with := make([]float64, q), make([]float64, q), make([]float64, q)
			s := &sums[c]
			for at := c * someOf; at < min(len(a.count), (c+1)*someOf); at++ {
				clear(root)
				for _, p := range a.persons[a.from[at]:a.from[at+1]] {
					for j, x := range f.root[int(p)*q : (int(p)+1)*q] {
						root[j] += x
					}
				}
				post := a.message[at*q : (at+1)*q]
				s.n += a.count[at]
				if f.tree.n == 1 {
					copy(post, root)
				} else {
					for j, x := range root {
						s.x += x * f.tree.theta[j]
						s.xx += x * f.tree.theta[j] * f.tree.theta[j]
						root[j] = ratio(x, post[j])
					}
					f.likelihood(a, at, areal)
					f.tree.areas[g].down(root, post)
					for j, x := range areal {
						post[j] *= x
						with[j] = x * f.tree.theta[j]
					}
					scale := rescale(post, a.count[at])
					f.tree.areas[g].up(with, areal)
					for j, x := range areal {
						s.xy += scale * root[j] * f.tree.theta[j] * x
					}
				}
				for j, x := range post {
					s.y += x * f.tree.theta[j]
					s.yy += x * f.tree.theta[j] * f.tree.theta[j]
				}
			}
		})
		a.sums = regression{}
		for _, s := range sums {
			a.sums = a.sums.plus(s)
		}
	}
}

// rescale makes p add up to n and gives the factor.
func rescale(p []float64, n float64) float64 {
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	if !(sum > 0) {
		for i := range p {
			p[i] = n / float64(len(p))
		}
		return 0
	}
	for i := range p {
		p[i] *= n / sum
	}
	return n / sum
}

// choose takes some of the persons, evenly, and works out P(θ_g | all answers) of each:
// they tell how well parameters are known, and whether they hold.
func (f *fitting) choose() {
	every, q := max(1, f.persons/enoughPersons), len(f.tree.theta)
	f.chosen = f.chosen[:0]
	for p := 0; p < f.persons; p += every {
		f.chosen = append(f.chosen, p)
	}
	f.each = float64(f.persons) / math.Max(1, float64(len(f.chosen)))
	f.areal = make([][]float64, len(f.areas))
	for g := range f.areas {
		f.areal[g] = make([]float64, len(f.chosen)*q)
	}
	workers((len(f.chosen)+someOf-1)/someOf, func(c int) {
		likelihood, message := make([]float64, q), make([]float64, q)
		for i := c * someOf; i < min(len(f.chosen), (c+1)*someOf); i++ {
			p := f.chosen[i]
			root := f.root[p*q : (p+1)*q]
			for g := range f.areas {
				post := f.areal[g][i*q : (i+1)*q]
				if f.tree.n == 1 {
					copy(post, root)
					continue
				}
				f.likelihood(&f.areas[g], int(f.areas[g].of[p]), likelihood)
				f.tree.areas[g].up(likelihood, message)
				for j, x := range root {
					message[j] = ratio(x, message[j])
				}
				f.tree.areas[g].down(message, post)
				for j, x := range likelihood {
					post[j] *= x
				}
				normalise(post)
			}
		}
	})
}
