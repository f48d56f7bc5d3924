package web

import (
	"fmt"
	"html/template"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/calendar"
)

const nbsp = "\u00a0"

var funcs = template.FuncMap{
	"asset": asset, "num": Num, "dec": Dec, "pct": Pct, "share": share, "chance": Chance, "percentAttr": PercentAttr,
	"date": calendar.Date, "dayMonth": calendar.DayMonth, "month": calendar.Month, "datetime": calendar.DateTime,
	"dateShort": func(t time.Time) string { return t.In(calendar.Zone).Format("02.01.2006") },
	"isoDate":   func(t time.Time) string { return t.Format("2006-01-02") },
	"clock":     func(t time.Time) string { return t.In(calendar.Zone).Format("15:04:05") },
	"hm":        func(t time.Time) string { return t.In(calendar.Zone).Format("15:04") },
	"plural":    Plural, "word": Word, "rub": Rub, "minutes": Minutes,
	"float":   toFloat,
	"strings": func(v ...string) []string { return v },
	"dict":    dict, "list": func(v ...any) []any { return v },
	"add": func(a, b int) int { return a + b }, "sub": func(a, b int) int { return a - b }, "mul": func(a, b int) int { return a * b },
	"ratio": func(a, b int) float64 {
		if b == 0 {
			return 0
		}
		return float64(a) / float64(b)
	},
	"addf": func(a, b float64) float64 { return a + b }, "subf": func(a, b float64) float64 { return a - b },
	"mulf": func(a, b float64) float64 { return a * b }, "divf": func(a, b float64) float64 { return a / b },
	"safeHTML": func(s string) template.HTML { return template.HTML(s) },
	"join":     strings.Join, "lower": strings.ToLower, "upper": upperFirst,
	"seq": seq,
	"in":  func(all []string, s string) bool { return slices.Contains(all, s) },
	"str": func(v any) string { return fmt.Sprint(v) },
	"or_": func(a, b string) string { return cmpOr(a, b) },
}

// Num is "12 345".
func Num(v any) string {
	n := toFloat(v)
	s := strconv.FormatFloat(math.Abs(math.Round(n)), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + nbsp + s[i:]
	}
	if math.Round(n) < 0 {
		s = "−" + s
	}
	return s
}

// Dec is x with n decimals after a comma: "3,14"; a dash for a figure that does not exist.
func Dec(n int, v any) string {
	x := toFloat(v)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "—"
	}
	s := strconv.FormatFloat(x, 'f', n, 64)
	if !strings.ContainsAny(s, "123456789") { // nothing has no sign
		s = strings.TrimPrefix(s, "-")
	}
	return strings.Replace(strings.Replace(s, ".", ",", 1), "-", "−", 1)
}

// Pct is a share as "72 %".
func Pct(v any) string { return strconv.Itoa(share(v)) + nbsp + "%" }

// share is a share as whole percents.
func share(v any) int { return int(math.Round(100 * toFloat(v))) }

// Chance is a probability in chances of 100, from 1 to 99: nothing is certain.
func Chance(v any) int { return min(99, max(1, share(v))) }

// PercentAttr is a share as an SVG length: "72%".
func PercentAttr(v any) string {
	return strconv.FormatFloat(math.Round(1e4*toFloat(v))/100, 'f', -1, 64) + "%"
}

// Rub is "13 800 ₽", or "бесплатно".
func Rub(v any) string {
	if toFloat(v) == 0 {
		return "бесплатно"
	}
	return Num(v) + nbsp + "₽"
}

// Word is the form of a noun that goes with n: one ("человек"), few ("человека"), many ("человек").
func Word(v any, one, few, many string) string {
	n := int(math.Abs(toFloat(v)))
	switch {
	case n%100 >= 11 && n%100 <= 14:
		return many
	case n%10 == 1:
		return one
	case n%10 >= 2 && n%10 <= 4:
		return few
	}
	return many
}

// Plural is the number with its noun: "5 человек".
func Plural(v any, one, few, many string) string { return Num(v) + nbsp + Word(v, one, few, many) }

// Minutes is "1 ч 15 мин".
func Minutes(n int) string {
	switch {
	case n < 60:
		return fmt.Sprintf("%d%sмин", n, nbsp)
	case n%60 == 0:
		return fmt.Sprintf("%d%sч", n/60, nbsp)
	}
	return fmt.Sprintf("%d%sч %d%sмин", n/60, nbsp, n%60, nbsp)
}

func toFloat(v any) float64 {
	r := reflect.Indirect(reflect.ValueOf(v))
	switch {
	case !r.IsValid():
		return 0
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat():
		return r.Float()
	}
	return math.NaN()
}

func dict(kv ...any) (map[string]any, error) {
	if len(kv)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments, want pairs", len(kv))
	}
	m := make(map[string]any, len(kv)/2)
	for i := 0; i < len(kv); i += 2 {
		k, ok := kv[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: key %v is not a string", kv[i])
		}
		m[k] = kv[i+1]
	}
	return m, nil
}

func seq(from, to int) []int {
	s := []int{}
	for i := from; i <= to; i++ {
		s = append(s, i)
	}
	return s
}

func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
