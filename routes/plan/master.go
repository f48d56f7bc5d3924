package plan

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// master is the problem over the columns kept: all classes side by side, with slots as indexes into scarce. Each class
// counts for so many persons, each slot holds so many seats; both are less once a part of the plan stands.
type master struct {
	from   []int32   // by class, one more at the end
	value  []float64 // of the columns of a class, falling
	id     []int32   // by column: its index among those of its class
	at     []int32   // by column, one more at the end
	slots  []int32
	weight []float64 // by class: persons still to be served
	seats  []float64 // by scarce slot
	pick   []int32   // by class: the column worth most at the last prices
	use    []float64 // by scarce slot: what the picks take
	total  float64   // how many prices were counted
	count  []float64 // by column: how often it was worth most near the optimum, an approximation of the fractional plan
	pool   int
	stop   func() bool // tells that time is up
	sums   []float64
	uses   [][]float64
	dir    []float64
	scale  []float64
}

const parts = 16 // of the classes, each added up by itself: the order of sums does not depend on workers

// flatten lays the columns of a region side by side, for all its persons and seats.
func (f *master) flatten(r *region) {
	index := make([]int32, len(r.m.slots))
	for i, s := range r.scarce {
		index[s] = int32(i) + 1
	}
	f.pool, f.stop = len(r.pool), r.opt.Expired
	f.from, f.value, f.id, f.at, f.slots = f.from[:0], f.value[:0], f.id[:0], f.at[:0], f.slots[:0]
	var order []int32
	for _, cols := range r.cols {
		f.from = append(f.from, int32(len(f.value)))
		order = order[:0]
		for i := range cols {
			order = append(order, int32(i))
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(cols[b].value, cols[a].value) })
		for _, i := range order {
			f.value, f.id = append(f.value, cols[i].value), append(f.id, i)
			f.at = append(f.at, int32(len(f.slots)))
			for _, s := range cols[i].tight {
				f.slots = append(f.slots, index[s]-1)
			}
		}
	}
	f.from, f.at = append(f.from, int32(len(f.value))), append(f.at, int32(len(f.slots)))
	f.weight = append(f.weight[:0], r.size...)
	f.pick = slices.Grow(f.pick[:0], len(r.cols))[:len(r.cols)]
	f.count = slices.Grow(f.count[:0], len(f.value))[:len(f.value)]
	clear(f.count)
	f.total = 0
	n := len(r.scarce)
	f.seats, f.use, f.dir = make([]float64, n), make([]float64, n), make([]float64, n)
	for i, s := range r.scarce {
		f.seats[i] = float64(r.m.slots[s].seats)
	}
	f.sums, f.uses = make([]float64, parts), make([][]float64, parts)
	for i := range f.uses {
		f.uses[i] = make([]float64, n)
	}
}

// eval is L over the columns at prices by scarce slot; it leaves the picks and what they take of the seats.
func (f *master) eval(price []float64) float64 {
	classes := len(f.from) - 1
	f.parts(func(part int) {
		u := f.uses[part]
		clear(u)
		sum := 0.0
		lo, hi := part*classes/parts, (part+1)*classes/parts
		for c := lo; c < hi; c++ {
			w := f.weight[c]
			if w == 0 {
				continue
			}
			top, at := math.Inf(-1), int32(-1)
			for i := f.from[c]; i < f.from[c+1]; i++ {
				v := f.value[i]
				if v <= top {
					break // prices only take away
				}
				for _, s := range f.slots[f.at[i]:f.at[i+1]] {
					v -= price[s]
				}
				if v > top {
					top, at = v, i
				}
			}
			f.pick[c] = at
			if at < 0 {
				continue
			}
			sum += w * top
			for _, s := range f.slots[f.at[at]:f.at[at+1]] {
				u[s] += w
			}
		}
		f.sums[part] = sum
	})
	clear(f.use)
	v := 0.0
	for part := range parts {
		v += f.sums[part]
		for i, x := range f.uses[part] {
			f.use[i] += x
		}
	}
	for i := range price {
		v += price[i] * f.seats[i]
	}
	return v
}

// descend minimises L over the columns by subgradient steps towards a level that sinks as it is reached, no further
// than box from where it starts; delta is how far under the start the first level lies, as a part of the value there. It returns the best prices
// and the value there.
func (f *master) descend(from []float64, steps int, box, delta float64) ([]float64, float64) {
	price, best := slices.Clone(from), slices.Clone(from)
	clear(f.dir)
	f.scale = f.scale[:0]
	for range f.seats {
		f.scale = append(f.scale, 1)
	}
	scaled := false
	v := f.eval(price)
	low := v
	delta *= math.Abs(v)
	stall := 0
	for range steps {
		norm := 0.0
		for i, x := range f.dir {
			x = 0.75*(f.use[i]-f.seats[i]) + 0.25*x
			if price[i] <= 0 && x < 0 {
				x = 0
			}
			f.dir[i] = x
			norm += x * x / f.scale[i]
		}
		if norm < 1e-18 || delta < 2e-6*math.Abs(low) || f.stop() {
			break
		}
		step := (v - low + delta) / norm
		for i := range price {
			price[i] = math.Min(from[i]+box, math.Max(math.Max(0, from[i]-box), price[i]+step*f.dir[i]/f.scale[i]))
		}
		v = f.eval(price)
		if v < low+5e-4*math.Abs(low) {
			f.total++
			for _, i := range f.pick {
				if i >= 0 {
					f.count[i]++
				}
			}
		}
		switch {
		case v < low-0.3*delta:
			low, stall = v, 0
			copy(best, price)
		case v < low:
			low = v
			copy(best, price)
			stall++
		default:
			stall++
		}
		if stall >= max(12, steps/60) {
			// Another measure of length helps where this one does not: by seats, large sessions move less.
			scaled, stall = !scaled, 0
			for i, n := range f.seats {
				f.scale[i] = 1
				if scaled {
					f.scale[i] += n
				}
			}
			if !scaled {
				delta /= 2
			}
			copy(price, best)
			clear(f.dir)
			v = f.eval(price)
		}
	}
	return best, low
}

// parts runs f for every part of the classes on all workers.
func (f *master) parts(do func(part int)) {
	if f.pool == 1 || len(f.from) < 2000 {
		for part := range parts {
			do(part)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range f.pool {
		wg.Go(func() {
			for {
				part := int(next.Add(1)) - 1
				if part >= parts {
					return
				}
				do(part)
			}
		})
	}
	wg.Wait()
}
