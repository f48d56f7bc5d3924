package exchange

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// What is written comes back as it was, for each kind.
func TestRoundTrip(t *testing.T) {
	want := Examples("math.numbers")
	file, err := WriteXLSX(want)
	if err != nil {
		t.Fatal(err)
	}
	got, faults := ReadXLSX(file)
	if len(faults) > 0 {
		t.Fatalf("faults in our own book: %v", faults)
	}
	kinds := map[task.Kind]bool{}
	for i, p := range got {
		kinds[p.Kind] = true
		if a, b := plain(t, p.Written), plain(t, want[i]); !reflect.DeepEqual(a, b) {
			t.Errorf("%s came back as\n%v\nwas\n%v", want[i].ID, a, b)
		}
	}
	if len(got) != len(want) || len(kinds) != len(task.Kinds) {
		t.Errorf("%d tasks of %d kinds", len(got), len(kinds))
	}
}

func plain(t *testing.T, w task.Written) any {
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFaultsByCell(t *testing.T) {
	tests := []struct {
		name, sheet, cell string
		value             any
		at, want          string // fault: "sheet!cell"
	}{
		{"kind", sheetTasks, "C2", "Один", "Задания!C2", "Один верный ответ"},
		{"key without such a letter", sheetTasks, "V2", "F", "Задания!V2", "варианта"},
		{"key is empty", sheetTasks, "V2", "", "Задания!V2", "одна буква"},
		{"minutes", sheetTasks, "E2", "три", "Задания!E2", "целое число"},
		{"minutes out of range", sheetTasks, "E2", 500, "Задания!E2", "от 1 до 120"},
		{"share", sheetTasks, "I2", 0.4, "Задания!H2", "дают 0,4"},
		{"no body", sheetTasks, "M3", "", "Задания!M3", "текст задания"},
		{"points of one error", sheetTasks, "F3", 3, "Задания!F3", "даёт 2 балла, стоит 3"},
		{"code twice", sheetTasks, "A3", "primer-1", "Задания!A3", "строке 2"},
		{"code", sheetTasks, "A3", "не код", "Задания!A3", "латинские"},
		{"foreign field", sheetTasks, "W2", "см", "Задания!W2", "этого поля нет"},
		{"moved column", sheetTasks, "B1", "Вид", "Задания!B1", "столбец «Часть»"},
		{"pair", sheetLeft, "C2", "Z", "Соответствие!C2", "варианта"},
		{"pair of nobody", sheetLeft, "A2", "primer-99", "Соответствие!A2", "primer-99"},
		{"two right in a gap", sheetGaps, "D2", "да", "Пропуски!D3", "уже отмечен"},
		{"level without points", sheetCriteria, "D3", "", "Критерии!D3", "баллов"},
		{"exemplar", sheetExemplars, "C2", "К1=7", "Образцы!A2", "образец 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := TemplateXLSX()
			if err != nil {
				t.Fatal(err)
			}
			book, err := excelize.OpenReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if err := book.SetCellValue(tt.sheet, tt.cell, tt.value); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := book.Write(&b); err != nil {
				t.Fatal(err)
			}
			_, faults := ReadXLSX(b.Bytes())
			for _, f := range faults {
				if f.Sheet+"!"+f.Cell == tt.at && strings.Contains(f.Want, tt.want) {
					return
				}
			}
			t.Errorf("no fault at %s with %q: %v", tt.at, tt.want, faults)
		})
	}
}

func TestNoBook(t *testing.T) {
	for _, file := range [][]byte{nil, []byte("PK\x03\x04 nothing"), []byte("a;b;c"), bytes.Repeat([]byte{0}, MaxSize+1)} {
		tasks, faults := ReadXLSX(file)
		if len(tasks) != 0 || len(faults) != 1 {
			t.Errorf("%d tasks, %v", len(tasks), faults)
		}
	}
	empty := excelize.NewFile()
	var b bytes.Buffer
	if err := empty.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, faults := ReadXLSX(b.Bytes()); len(faults) != 1 || faults[0].Sheet != sheetTasks {
		t.Errorf("%v", faults)
	}
}
