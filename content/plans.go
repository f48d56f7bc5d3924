package content

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed plans
var plans embed.FS

// Plan is a real roadmap as it was circulated, with a short name for each item.
type Plan struct {
	Name  string // of the document
	Body  []byte
	Short map[string]string // item → what a chart calls it
}

// The plans: of the region for 2023, of Priozersk district for 2024.
const (
	RegionPlan    = "region-2023"
	PriozerskPlan = "priozersk-2024"
)

// Roadmap returns a plan by its code.
func Roadmap(code string) (Plan, error) {
	p := Plan{Name: code + ".txt", Short: map[string]string{}}
	var err error
	if p.Body, err = plans.ReadFile("plans/" + p.Name); err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", code, err)
	}
	short, err := plans.ReadFile("plans/" + code + ".short.tsv")
	if err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", code, err)
	}
	for line := range strings.Lines(string(short)) {
		if item, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			p.Short[item] = name
		}
	}
	return p, nil
}
