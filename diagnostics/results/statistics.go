package results

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/web"
)

// hint is a flag in words. It does not say which option it speaks of: whoever may not
// see the key reads it too.
func hint(f quality.Flag) string {
	value, limit := float64(f.Value), float64(f.Limit)
	switch f.Code {
	case ctt.NoVariance:
		return "все набрали поровну: задание никого не различает"
	case ctt.NegativeRest:
		if f.Unsure {
			return fmt.Sprintf("возможно, отличает наоборот (связь %s), но работ мало, чтобы сказать твёрдо", web.Dec(2, value))
		}
		return fmt.Sprintf("отличает наоборот: сильные ошибаются чаще слабых (связь %s). Проверьте ключ", web.Dec(2, value))
	case ctt.WeakRest:
		if f.Unsure {
			return fmt.Sprintf("возможно, слабо отличает сильных (связь %s), но работ мало, чтобы сказать твёрдо", web.Dec(2, value))
		}
		return fmt.Sprintf("почти не отличает сильных от слабых (связь %s, желательно от %s)", web.Dec(2, value), web.Dec(2, limit))
	case ctt.TooEasy:
		return fmt.Sprintf("слишком лёгкое: набирают %s баллов", web.Pct(value))
	case ctt.TooHard:
		return fmt.Sprintf("слишком трудное: набирают %s баллов", web.Pct(value))
	case ctt.ManyOmitted:
		return fmt.Sprintf("часто пропускают: %s дошедших", web.Pct(value))
	case ctt.ManyNotReached:
		return fmt.Sprintf("не хватает времени: не дошли %s", web.Pct(value))
	case ctt.DistractorBetter:
		return "неверный вариант выбирают более сильные, чем верный. Проверьте ключ"
	case ctt.DistractorAttract:
		return "сильные выбирают неверный вариант чаще верного"
	case ctt.DistractorUnused:
		return "вариант никто не выбрал"
	case quality.Erratic:
		return fmt.Sprintf("ответы мало предсказуемы по уровню подготовки (infit %s, желательно до %s)", web.Dec(2, value), web.Dec(1, limit))
	case quality.Misfit:
		return "на разных уровнях подготовки отвечают не так, как ждёт модель (S-X², p " + pValue(value) + ")"
	case quality.Unequal:
		return unequal(f)
	}
	return f.Code
}

// unequal says for whom the task is harder.
func unequal(f quality.Flag) string {
	c, known := quality.Comparisons[f.At]
	if !known {
		return f.Code
	}
	whom := c.Focal
	if f.Value > 0 {
		whom = c.Reference
	}
	return fmt.Sprintf("при равной подготовке труднее для тех, кто %s (в среднем на %s баллов задания)", whom, web.Pct(math.Abs(float64(f.Value))))
}

func pValue(p float64) string {
	if p < 0.001 {
		return "меньше 0,001"
	}
	return web.Dec(3, p)
}

// hints are the flags of a task in words, each once, the gravest first.
func hints(flags []quality.Flag) []bank.Hint {
	list := []bank.Hint{}
	at, times := map[string]int{}, map[string]int{}
	for _, f := range quality.ByWeight(flags) {
		text := hint(f)
		times[text]++
		if i, said := at[text]; said {
			list[i].Text = fmt.Sprintf("%s (таких %d)", text, times[text])
			continue
		}
		at[text] = len(list)
		list = append(list, bank.Hint{Text: text, Serious: f.Serious()})
	}
	return list
}

// atOption is a flag of an option beside the option.
func atOption(code string) string {
	switch code {
	case ctt.DistractorBetter:
		return "выбирают сильнее, чем верный"
	case ctt.DistractorAttract:
		return "привлекает сильных"
	case ctt.DistractorUnused:
		return "никто не выбрал"
	}
	return ""
}

// source is where figures of tasks come from.
type source struct {
	campaign int64
	title    string
	at       time.Time
	parts    []quality.Part
}

func (s source) part(p task.Part) quality.Part {
	for _, part := range s.parts {
		if part.Part == p {
			return part
		}
	}
	return quality.Part{}
}

// statistic is the figures of a task as pages show them.
func statistic(f quality.TaskFigure, v bank.Version, s source) (bank.Statistic, error) {
	part := s.part(f.Part)
	out := bank.Statistic{VersionID: f.VersionID, Number: v.Number, Position: f.Position, Code: v.Code, CampaignID: s.campaign, Campaign: s.title, At: s.at, Max: f.Max,
		N: f.N, P: figureOrNil(f.P), Works: f.Works, Rest: figureOrNil(f.Rest), D27: figureOrNil(f.D27), Alpha: figureOrNil(f.Alpha), PartAlpha: figureOrNil(part.Reliability()),
		Thirds: thirds(f.Thirds), Remarks: hints(f.Flags)}
	out.Waiting = f.Waiting
	if f.N < fewestShown {
		out.N, out.P = 0, nil
	} else {
		out.Omitted = float64(f.Omitted) / float64(f.N)
	}
	if given := f.N + f.NotReached + f.Waiting; given > 0 {
		out.NotReached = float64(f.NotReached) / float64(given)
	}
	var view task.View
	if err := json.Unmarshal(v.Shown, &view); err != nil {
		return out, fmt.Errorf("view of task version %d: %w", v.ID, err)
	}
	out.Choices = choices(f, view)
	if f.Item != nil && part.Scale != nil {
		out.Scale = onScale(f, *part.Scale)
	}
	return out, nil
}

func thirds(of [3]quality.Number) (out [3]*float64) {
	for i, x := range of {
		out[i] = figureOrNil(x)
	}
	return out
}

func choices(f quality.TaskFigure, view task.View) []bank.Choice {
	words := map[string]string{}
	for _, o := range view.Options {
		words[o.ID] = o.HTML
	}
	places := map[string]string{}
	for _, o := range view.Left {
		places[o.ID] = o.HTML
	}
	for _, o := range view.Right {
		words[o.ID] = o.HTML
	}
	gaps := map[string]map[string]string{}
	for i, g := range view.Gaps {
		places[g.ID] = fmt.Sprintf("Пропуск %d", i+1)
		gaps[g.ID] = map[string]string{}
		for _, o := range g.Options {
			gaps[g.ID][o.ID] = o.HTML
		}
	}
	list := []bank.Choice{}
	for _, c := range f.Choices {
		choice := bank.Choice{Place: places[c.Place], Common: c.Common}
		for i, o := range c.Options {
			line := bank.ChoiceLine{Number: i + 1, HTML: words[o.ID], Key: o.Key, N: o.N, Rest: figureOrNil(o.Rest), Thirds: thirds(o.Thirds)}
			if gap, ok := gaps[c.Place]; ok {
				line.HTML = gap[o.ID]
			}
			if c.Common {
				line.Number, line.HTML = 0, html.EscapeString(o.ID)
			}
			if share := figureOrNil(o.Share); share != nil {
				line.Share = *share
			}
			for _, flag := range f.Flags {
				if flag.Place == c.Place && flag.At == o.ID && flag.At != "" {
					line.Remark = atOption(flag.Code)
				}
			}
			choice.Options = append(choice.Options, line)
		}
		list = append(list, choice)
	}
	return list
}

func onScale(f quality.TaskFigure, s quality.Scale) *bank.OnScale {
	it := f.Item
	out := &bank.OnScale{Model: s.Label(), A: figureOrNil(it.Fit.A), ASE: figureOrNil(it.Fit.ASE), Half: figureOrNil(it.Half(f.Max)),
		Infit: figureOrNil(it.Infit), Outfit: figureOrNil(it.Outfit), FitP: figureOrNil(it.PFit)}
	for i, b := range it.Fit.B {
		step := bank.Step{B: figureOrNil(b)}
		if i < len(it.Fit.BSE) {
			step.SE = figureOrNil(it.Fit.BSE[i])
		}
		out.Steps = append(out.Steps, step)
	}
	for _, p := range it.Curve(f.Max) {
		out.Curve = append(out.Curve, bank.CurvePoint{Theta: p.Theta, Share: p.Y})
	}
	return out
}

// plain is safe HTML as a line of text, for a workbook.
func plain(shown string) string {
	var b strings.Builder
	inside := false
	for _, r := range shown {
		switch {
		case r == '<':
			inside = true
		case r == '>':
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}
