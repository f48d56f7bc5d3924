package irt

import (
	"encoding/binary"
	"sync"
)

// The work of calibration is adding up, for each person and node, the log
// probabilities of the person's answers, and handing the posterior back to the
// answers as expected counts. Answers take few values, so items are put together
// in blocks, and each block has a table with a row for every pattern of answers
// to its items: a person then costs one row a block, not one an item. The rows
// of expected counts are folded back to items once at the end.

// maxBlockRows bounds the patterns of one block: larger tables leave the cache.
const maxBlockRows = 256

// A digit is the place of an item in the numbers of its block's rows.
type digit struct {
	item, cats int // categories 0…cats−1; the value cats stands for no answer
	radix      int // cats, or cats+1 where answers are missing
}

type block struct {
	digits []digit
	first  int // row of the table
	rows   int
}

// packed is the answers of persons: each different pattern once, with its weight.
type packed struct {
	items   int
	blocks  []block
	rows    int      // of all blocks
	start   []uint32 // of each pattern in row; one more at the end
	row     []uint32 // table rows of the pattern, in the order of the blocks; a block without answers has none
	weight  []float64
	persons int     // with answers
	of      []int32 // pattern of each person; −1 for no answers
}

// pack puts persons' categories (row by row, persons × len(cats), −1 for none)
// into blocks.
func pack(categories []int16, persons int, cats []int) *packed {
	k := len(cats)
	d := &packed{items: k, of: make([]int32, persons)}
	var gaps [shards][]bool
	var absent [shards]int
	sharded(func(shard int) {
		gaps[shard] = make([]bool, k)
		for p := shard * persons / shards; p < (shard+1)*persons/shards; p++ {
			for i, c := range categories[p*k : (p+1)*k] {
				if c < 0 {
					gaps[shard][i] = true
					absent[shard]++
				}
			}
		}
	})
	answers := persons * k
	for _, n := range absent {
		answers -= n
	}
	// Tables are worth their cost where an item has many more answers than they have rows.
	limit := min(max(answers/max(16*k, 1), 8), maxBlockRows)
	for i, n := range cats {
		dg := digit{item: i, cats: n, radix: n}
		for _, missing := range gaps {
			if missing[i] {
				dg.radix = n + 1
			}
		}
		last := len(d.blocks) - 1
		if last < 0 || d.blocks[last].rows*dg.radix > limit {
			d.blocks = append(d.blocks, block{rows: 1})
			last++
		}
		b := &d.blocks[last]
		b.digits = append(b.digits, dg)
		b.rows *= dg.radix
	}
	for i := range d.blocks {
		d.blocks[i].first = d.rows
		d.rows += d.blocks[i].rows
	}
	// Each person's rows first, side by side; 0 stands for a block without answers.
	n := len(d.blocks)
	codes := make([]uint32, persons*n)
	sharded(func(shard int) {
		for p := shard * persons / shards; p < (shard+1)*persons/shards; p++ {
			row := categories[p*k : (p+1)*k]
			i := 0
			for b := range d.blocks {
				blk := &d.blocks[b]
				code, stride, any := 0, 1, false
				for _, dg := range blk.digits {
					c := int(row[i])
					i++
					if c < 0 {
						c = dg.cats
					} else {
						any = true
					}
					code += c * stride
					stride *= dg.radix
				}
				if any {
					codes[p*n+b] = uint32(blk.first+code) + 1
				}
			}
		}
	})
	seen := make(map[string]int32, min(persons, 1<<16))
	key := make([]byte, 0, 4*n)
	d.start = append(make([]uint32, 0, persons+1), 0)
	d.row, d.weight = make([]uint32, 0, len(codes)), make([]float64, 0, persons)
	for p := range persons {
		key = key[:0]
		for _, c := range codes[p*n : (p+1)*n] {
			if c > 0 {
				key = binary.LittleEndian.AppendUint32(key, c)
			}
		}
		if len(key) == 0 {
			d.of[p] = -1
			continue
		}
		d.persons++
		at, known := seen[string(key)]
		if !known {
			at = int32(len(d.weight))
			seen[string(key)] = at
			d.weight = append(d.weight, 0)
			for _, c := range codes[p*n : (p+1)*n] {
				if c > 0 {
					d.row = append(d.row, c-1)
				}
			}
			d.start = append(d.start, uint32(len(d.row)))
		}
		d.weight[at]++
		d.of[p] = at
	}
	return d
}

// unfold builds the rows of a block: rows[code] is the sum over its digits of
// values(item, category), each a row of q numbers. A missing answer adds nothing.
func (b *block) unfold(table []float64, q int, values [][][]float64) {
	rows := table[b.first*q : (b.first+b.rows)*q]
	clear(rows[:q])
	have := 1
	for _, dg := range b.digits {
		// The rows so far stand for the first value of this digit; the others
		// are made of them, from the last down, so that the first is left to the end.
		for v := dg.radix - 1; v >= 0; v-- {
			for r := range have {
				from, to := rows[r*q:(r+1)*q], rows[(v*have+r)*q:(v*have+r+1)*q]
				if v == dg.cats {
					copy(to, from)
					continue
				}
				addTo(to, from, values[dg.item][v])
			}
		}
		have *= dg.radix
	}
}

// fold is the reverse: it adds up the rows of a block into counts(item,
// category). The rows are used up.
func (b *block) fold(table []float64, q int, counts [][][]float64) {
	rows := table[b.first*q : (b.first+b.rows)*q]
	have := b.rows
	for i := len(b.digits) - 1; i >= 0; i-- {
		dg := b.digits[i]
		have /= dg.radix
		for v := range dg.radix {
			if v < dg.cats {
				sum := counts[dg.item][v]
				clear(sum)
				for r := range have {
					add(sum, rows[(v*have+r)*q:(v*have+r+1)*q])
				}
			}
		}
		for v := 1; v < dg.radix; v++ {
			add(rows[:have*q], rows[v*have*q:(v+1)*have*q])
		}
	}
}

// value is the category of digit n of the block in a row of its table, −1 for no answer.
func (b *block) value(n int, row uint32) int {
	code := int(row) - b.first
	for _, dg := range b.digits[:n] {
		code /= dg.radix
	}
	if v := code % b.digits[n].radix; v < b.digits[n].cats {
		return v
	}
	return -1
}

// add adds b to a, element by element.
func add(a, b []float64) {
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		x[0] += y[0]
		x[1] += y[1]
		x[2] += y[2]
		x[3] += y[3]
	}
	for ; i < len(a); i++ {
		a[i] += b[i]
	}
}

// addTo sets to to a + b.
func addTo(to, a, b []float64) {
	a, b = a[:len(to)], b[:len(to)]
	for i := range to {
		to[i] = a[i] + b[i]
	}
}

// add4 adds four rows to a at once.
func add4(a, b, c, d, e []float64) {
	b, c, d, e = b[:len(a)], c[:len(a)], d[:len(a)], e[:len(a)]
	for i := range a {
		a[i] += (b[i] + c[i]) + (d[i] + e[i])
	}
}

// shards is how many parts of the work are done side by side. It is the same on
// every machine, so that sums are taken in the same order everywhere.
const shards = 2

// sharded runs f for every shard.
func sharded(f func(shard int)) {
	var wait sync.WaitGroup
	for s := 1; s < shards; s++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			f(s)
		}()
	}
	f(0)
	wait.Wait()
}
