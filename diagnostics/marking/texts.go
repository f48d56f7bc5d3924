package marking

import (
	"html/template"
	"sync"

	"github.com/lotsiya/lotsiya/diagnostics/task/formula"
)

// texts renders the Markdown of criteria once; a rubric is read many times.
type texts struct {
	renderer *formula.Renderer
	mu       *sync.Mutex
	done     map[string]template.HTML
}

func newTexts() texts {
	return texts{formula.New(), &sync.Mutex{}, map[string]template.HTML{}}
}

// most is how many texts are kept: rubrics are few.
const most = 5000

// line renders one line; a text that cannot be rendered is shown as it was written.
func (t texts) line(markdown string) template.HTML { return t.render("l", markdown, t.renderer.Line) }

// block renders paragraphs.
func (t texts) block(markdown string) template.HTML { return t.render("b", markdown, t.renderer.Block) }

func (t texts) render(kind, markdown string, f func(string) (string, error)) template.HTML {
	t.mu.Lock()
	defer t.mu.Unlock()
	if html, ok := t.done[kind+markdown]; ok {
		return html
	}
	html, err := f(markdown)
	if err != nil {
		html = template.HTMLEscapeString(markdown)
	}
	if len(t.done) >= most {
		clear(t.done)
	}
	t.done[kind+markdown] = template.HTML(html)
	return template.HTML(html)
}
