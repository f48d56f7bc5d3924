package migrations_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
)

// A statement is a constant of the program that reads as SQL, and where it stands.
type statement struct{ at, sql string }

var (
	isStatement = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s`)
	named       = regexp.MustCompile(`[^:]:[a-z_]+`) // parameters of sqlx.NamedExec
)

// Every statement that stands in the program whole is one that the schema understands:
// its tables, columns, functions and types are there.
func TestEveryStatementIsPrepared(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	list, pieced := statements(t)
	for i, s := range list {
		if _, err := pool.Exec(fmt.Sprintf("PREPARE s%d AS %s", i, s.sql)); err != nil {
			t.Errorf("%s: %v\n%s", s.at, err, s.sql)
		}
	}
	t.Logf("%d statements prepared; %d are put together when they run", len(list), pieced)
	if len(list) < 300 {
		t.Errorf("only %d statements found: the search is broken", len(list))
	}
}

// statements type-checks the program's packages, tests left out, and finds its constants.
func statements(t *testing.T) (list []statement, pieced int) {
	t.Helper()
	const module = "github.com/lotsiya/lotsiya"
	out, err := exec.Command("go", "list", "-deps", "-export", "-f", "{{.ImportPath}}\t{{.Dir}}\t{{.Export}}\t{{range .GoFiles}}{{.}} {{end}}", module+"/...").Output()
	if err != nil {
		var failed *exec.ExitError
		errors.As(err, &failed)
		t.Fatalf("go list: %v %s", err, failed.Stderr)
	}
	type pkg struct{ path, dir, files string }
	var own []pkg
	exported := map[string]string{}
	for _, line := range strings.Split(string(bytes.TrimSpace(out)), "\n") {
		f := strings.Split(line, "\t")
		exported[f[0]] = f[2]
		if strings.HasPrefix(f[0], module) {
			own = append(own, pkg{f[0], f[1], f[3]})
		}
	}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exported[path]) })
	for _, p := range own {
		var files []*ast.File
		for _, name := range strings.Fields(p.files) {
			f, err := parser.ParseFile(set, filepath.Join(p.dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		if _, err := (&types.Config{Importer: imports}).Check(p.path, set, files, info); err != nil {
			t.Fatalf("%s: %v", p.path, err)
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				v := info.Types[e].Value
				switch sum, joined := e.(*ast.BinaryExpr); {
				case v != nil && v.Kind() == constant.String:
					if sql := constant.StringVal(v); isStatement.MatchString(sql) {
						if strings.Contains(sql, "%") || named.MatchString(strings.ReplaceAll(sql, "::", "")) {
							pieced++
						} else {
							list = append(list, statement{set.Position(e.Pos()).String(), sql})
						}
					}
					return false
				case joined && sum.Op == token.ADD && v == nil && isString(info.TypeOf(e)):
					if v := info.Types[leftmost(e)].Value; v != nil && isStatement.MatchString(constant.StringVal(v)) {
						pieced++
					}
					return false
				}
				return true
			})
		}
	}
	return list, pieced
}

func leftmost(e ast.Expr) ast.Expr {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return leftmost(sum.X)
	}
	return e
}

func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}
