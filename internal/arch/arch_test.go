// Package arch keeps the shape of the program: who may import whom.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lotsiya/lotsiya/"

// mayImport lists, for each package of the trade, the packages of the trade it
// may import. Everything may import web, audit and internal/...; cmd, desk and
// demo know everyone. A package missing here may import none of them.
var mayImport = map[string][]string{
	"people":                              {},
	"diagnostics/competency":              {"people"},
	"diagnostics/task":                    {},
	"diagnostics/task/formula":            {"diagnostics/task"},
	"diagnostics/exchange":                {"diagnostics/task"},
	"diagnostics/bank":                    {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/task/formula", "diagnostics/exchange"},
	"diagnostics/assembly":                {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/bank"},
	"diagnostics/campaign":                {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/bank", "diagnostics/assembly"},
	"diagnostics/sitting":                 {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/bank", "diagnostics/assembly", "diagnostics/campaign"},
	"diagnostics/marking":                 {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/task/formula", "diagnostics/bank", "diagnostics/assembly", "diagnostics/campaign", "diagnostics/sitting"},
	"diagnostics/results":                 {"people", "diagnostics/competency", "diagnostics/task", "diagnostics/bank", "diagnostics/assembly", "diagnostics/campaign", "diagnostics/sitting", "diagnostics/marking", "diagnostics/psychometrics", "diagnostics/psychometrics/ctt", "diagnostics/psychometrics/irt"},
	"diagnostics/results/quality":         {"diagnostics/task", "diagnostics/psychometrics", "diagnostics/psychometrics/ctt", "diagnostics/psychometrics/irt", "diagnostics/psychometrics/dif"},
	"diagnostics/psychometrics":           {},
	"diagnostics/psychometrics/ctt":       {"diagnostics/psychometrics"},
	"diagnostics/psychometrics/irt":       {"diagnostics/psychometrics"},
	"diagnostics/psychometrics/dif":       {"diagnostics/psychometrics"},
	"diagnostics/psychometrics/linking":   {"diagnostics/psychometrics", "diagnostics/psychometrics/irt"},
	"diagnostics/psychometrics/cdm":       {"diagnostics/psychometrics"},
	"diagnostics/psychometrics/cat":       {"diagnostics/psychometrics", "diagnostics/psychometrics/irt"},
	"diagnostics/psychometrics/agreement": {"diagnostics/psychometrics"},
	"diagnostics/psychometrics/standard":  {"diagnostics/psychometrics", "diagnostics/psychometrics/irt"},
	"deficits/infer":                      {"diagnostics/psychometrics", "diagnostics/psychometrics/irt"},
	"deficits":                            {"people", "deficits/infer", "diagnostics/competency", "diagnostics/task", "diagnostics/bank", "diagnostics/assembly", "diagnostics/campaign", "diagnostics/sitting", "diagnostics/marking", "diagnostics/results"},
	"routes/plan":                         {},
	"routes":                              {"people", "routes/plan", "deficits", "reports", "diagnostics/competency", "diagnostics/campaign", "diagnostics/results"},
	"roadmap/parse":                       {},
	"roadmap":                             {"roadmap/parse"},
	"reports":                             {"people", "deficits", "diagnostics/competency", "diagnostics/campaign", "diagnostics/results"},
	"memos":                               {"people", "reports", "diagnostics/competency", "diagnostics/campaign"},
}

// knowEveryone may import any package of the trade.
var knowEveryone = []string{"cmd/lotsiya", "desk", "demo"}

// pure packages think: no SQL, no HTTP, no clock, no randomness of their own.
var pure = []string{"diagnostics/task", "diagnostics/exchange", "diagnostics/psychometrics", "diagnostics/results/quality", "deficits/infer", "routes/plan", "roadmap/parse"}

var impure = []string{"database/sql", "net/http", "github.com/jmoiron/sqlx", "github.com/lib/pq", "github.com/gin-gonic/gin", "math/rand", "crypto/rand"}

// onlyIn lists libraries and the file-name endings or folders that may import them.
var onlyIn = map[string][]string{
	"github.com/gin-gonic/gin": {"_http.go", "web/", "cmd/"},
	"github.com/lib/pq":        {"internal/db/", "internal/postgres/", "internal/dbtest/"},
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		from := filepath.ToSlash(filepath.Dir(rel))
		isPure := slices.ContainsFunc(pure, func(p string) bool {
			return from == p || strings.HasPrefix(from, p+"/") && !strings.HasSuffix(from, "/formula")
		})
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if to, own := strings.CutPrefix(name, module); own && !shared(to) && !slices.Contains(knowEveryone, from) && !slices.Contains(mayImport[from], to) &&
				!strings.HasPrefix(to, from+"/") {
				t.Errorf("%s imports %s: %s may not depend on %s", rel, name, from, to)
			}
			if places, limited := onlyIn[name]; limited && !slices.ContainsFunc(places, func(p string) bool {
				return strings.HasSuffix(rel, p) || strings.HasPrefix(rel, p)
			}) {
				t.Errorf("%s imports %s, allowed only in %v", rel, name, places)
			}
			if isPure && (slices.Contains(impure, name) || name == module+"internal/db") {
				t.Errorf("%s imports %s: %s is pure", rel, name, from)
			}
		}
		if isPure {
			ast.Inspect(file, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Now" {
					if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
						t.Errorf("%s reads the clock: %s is pure", rel, from)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("only %d files seen: the walk does not start at the root", files)
	}
}

// shared packages lie under all contexts and import none of them.
func shared(pkg string) bool {
	return pkg == "web" || pkg == "audit" || pkg == "migrations" || pkg == "content" || strings.HasPrefix(pkg, "internal/")
}
