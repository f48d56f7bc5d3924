package memos

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/reports"
)

// Groups that a small municipality does not have leave no table of nothing but a heading.
func TestDocumentHasNoEmptyTables(t *testing.T) {
	m := Memo{Title: "Математика", Where: "Лужский"}
	m.Version.Figures.Participation = []reports.Participation{{Title: "Лужский", Invited: 6, Took: 5}}
	m.Version.Figures.ByExperience = []reports.GroupScore{{Title: "3–5 лет", N: 5}}
	body, err := document(m)
	if err != nil {
		t.Fatal(err)
	}
	files, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.Contains(text, "7. По категории и стажу") || !strings.Contains(text, ">Стаж<") || strings.Contains(text, ">Категория<") {
		t.Error("section 7 shows a group nobody is in, or not the one there is")
	}
	if strings.Contains(text, "Ожидаемая доля ниже порога") || !strings.Contains(text, "участников слишком мало") {
		t.Error("section 5 has a table of nothing")
	}
}
