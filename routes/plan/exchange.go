package plan

import (
	"cmp"
	"math"
	"slices"
)

// move is one step of an exchange: a person and the column left.
type move struct {
	person int32
	was    int32
}

// improve makes exchanges over the columns kept until a pass over all teachers finds none.
func (p *primal) improve(price []float64) {
	r := p.r
	p.charge(price)
	if len(p.order) != len(r.cols) {
		p.order = make([][]int32, len(r.cols))
	}
	for c := range r.cols {
		o := p.order[c][:0]
		for i := range r.cols[c] {
			r.cols[c][i].aim = r.cols[c][i].priced(price)
			o = append(o, int32(i))
		}
		slices.SortStableFunc(o, func(a, b int32) int { return cmp.Compare(r.cols[c][b].aim, r.cols[c][a].aim) })
		p.order[c], p.top[c] = o, math.Inf(-1)
		if len(o) > 0 {
			p.top[c] = r.cols[c][o[0]].aim
		}
	}
	for range 12 {
		before, moved := p.value, false
		for _, t := range p.worst(price, 1e-9) {
			if r.opt.Expired() {
				return
			}
			if p.better(t, price) {
				moved = true
			}
		}
		if !moved || len(p.at) > 1000 && p.value-before < 2e-5*math.Abs(before) {
			return
		}
	}
}

// better tries the columns of a person, the best priced first, each with a chain of exchanges, and keeps the first
// that raises the value of the plan.
func (p *primal) better(t int, price []float64) bool {
	r := p.r
	c := r.class[t]
	here := math.Inf(-1)
	if x := p.col(t); x != nil {
		here = x.aim
	}
	type option struct {
		col   int32
		value float64
	}
	var buf [8]option
	list, most := buf[:0], len(buf)
	if len(p.at) > 20000 {
		most = 3
	}
	for i := range r.cols[c] {
		x := &r.cols[c][i]
		v := x.aim
		if int32(i) == p.at[t] {
			continue
		}
		// Seats nobody wants cost nothing.
		free := 0.0
		for _, s := range x.tight {
			free += price[s] - p.toll[s]
		}
		if v += free; v <= here+1e-9 {
			continue
		}
		at := len(list)
		for at > 0 && list[at-1].value < v {
			at--
		}
		if at < most {
			if len(list) == most {
				list = list[:len(list)-1]
			}
			list = slices.Insert(list, at, option{int32(i), v})
		}
	}
	for _, o := range list {
		before := p.value
		p.turn++
		p.trail = p.trail[:0]
		p.step(t, o.col)
		if p.settle(before) && p.value > before+1e-9 {
			return true
		}
		for i := len(p.trail) - 1; i >= 0; i-- {
			p.set(int(p.trail[i].person), p.trail[i].was)
		}
	}
	return false
}

func (p *primal) step(t int, to int32) {
	p.trail = append(p.trail, move{int32(t), p.at[t]})
	p.stamp[t] = p.turn
	p.set(t, to)
}

// settle finds holders who give up the seats that the exchange has overdrawn, those with least to lose first; where
// they go may overdraw other seats at the price of these. It is false when the chain grows too long or costs more than
// it brings over the value before.
func (p *primal) settle(before float64) bool {
	const ask = 120 // holders at most
	r := p.r
	for {
		over := int32(-1)
		owed := 0.0 // what the seats overdrawn elsewhere will cost
		for i := len(p.trail) - 1; i >= 0; i-- {
			if x := p.col(int(p.trail[i].person)); x != nil {
				for _, s := range x.tight {
					if p.left[s] < 0 {
						if over >= 0 && s != over {
							owed += p.price[s]
						} else {
							over = s
						}
					}
				}
			}
		}
		if over < 0 {
			return true
		}
		if len(p.trail) >= p.longest {
			return false
		}
		who, to, least := int32(-1), int32(-1), p.value-before-owed
		// Of very many holders a part is asked, another one each time: among so many there is always one with little to
		// lose, and the work stays in proportion to the teachers.
		holders := p.holders[over]
		first, asked := 0, len(holders)
		if asked > ask {
			first, asked = int(uint32(p.turn)*2654435761%uint32(len(holders))), ask
		}
		toll := p.toll[over]
		for range asked {
			t := holders[first].person
			if first++; first == len(holders) {
				first = 0
			}
			if p.stamp[t] == p.turn {
				continue
			}
			c := r.class[t]
			x := &r.cols[c][p.at[t]]
			own := 0.0
			for _, s := range x.tight {
				own += p.price[s]
				p.toll[s] = 0
			}
			p.toll[over] = math.Inf(1)
			own -= p.price[over]
			for _, i := range p.order[c] {
				y := &r.cols[c][i]
				if x.value-y.aim-own >= least {
					break // the others are worth no more, but for seats that happen to be free
				}
				loss := x.value - y.value
				for _, s := range y.tight {
					loss += p.toll[s]
				}
				if loss < least || loss == least && who >= 0 && t < who {
					who, to, least = t, i, loss
				}
			}
			for _, s := range x.tight {
				if p.left[s] <= 0 {
					p.toll[s] = p.price[s]
				}
			}
			p.toll[over] = toll
		}
		if who < 0 {
			return false
		}
		p.step(int(who), to)
	}
}
