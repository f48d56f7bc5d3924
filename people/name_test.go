package people

import (
	"testing"
	"unicode/utf8"
)

func TestParseName(t *testing.T) {
	for in, want := range map[string]Name{
		"Иванова Мария Петровна":          {"Иванова", "Мария", "Петровна"},
		"  Иванова   Мария\u00a0Петровна": {"Иванова", "Мария", "Петровна"},
		"Иванова М. П.":                   {"Иванова", "М.", "П."},
		"Иванова М.П.":                    {"Иванова", "М.", "П."},
		"Римская – Корсакова Анна":        {"Римская-Корсакова", "Анна", ""},
		"Алиев Рашид Ибрагим оглы":        {"Алиев", "Рашид", "Ибрагим оглы"},
	} {
		got, err := ParseName(in)
		if err != nil || got != want {
			t.Errorf("ParseName(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	if _, err := ParseName("Иванова"); err == nil {
		t.Error("a family name alone is taken for a name")
	}
}

func TestNameForms(t *testing.T) {
	n := Name{"Соловьёва", "Анна", "Ильинична"}
	if n.Full() != "Соловьёва Анна Ильинична" || n.Initials() != "Соловьёва А. И." || n.Address() != "Анна Ильинична" {
		t.Errorf("forms: %q, %q, %q", n.Full(), n.Initials(), n.Address())
	}
	if got := (Name{"Ким", "Вера", ""}).Initials(); got != "Ким В." {
		t.Errorf("without a patronymic: %q", got)
	}
	if got := (Name{"СОЛОВЬЁВА-ПЕТРОВА", "анна", "ИЛЬИНИЧНА"}).Tidy(); got != (Name{"Соловьёва-Петрова", "Анна", "Ильинична"}) {
		t.Errorf("tidy: %+v", got)
	}
	if got := (Name{"д’Артаньян", "МакКей", ""}).Tidy(); got.Family != "д’Артаньян" || got.Given != "МакКей" {
		t.Errorf("a name in mixed case is its owner's business: %+v", got)
	}
}

func TestCompare(t *testing.T) {
	known := Name{"Королёва", "Наталья", "Петровна"}
	for _, c := range []struct {
		row  Name
		want likeness
		why  string
	}{
		{Name{"Королёва", "Наталья", "Петровна"}, sameExactly, "letter for letter"},
		{Name{"Королева", "Наталья", "Петровна"}, sameFolded, "е for ё"},
		{Name{"КОРОЛЁВА", "НАТАЛЬЯ", "ПЕТРОВНА"}, sameFolded, "capitals"},
		{Name{"Kopoлёва", "Наталья", "Петровна"}, sameFolded, "Latin K, o, p"},
		{Name{"Короле\u0308ва", "Наталья", "Петровна"}, sameFolded, "ё as е and a mark"},
		{Name{"Королёва", "Н.", "П."}, sameInitials, "initials"},
		{Name{"Королева", "Наталья", ""}, sameInitials, "no patronymic"},
		{Name{"Королёва", "Н.", "В."}, unlike, "another patronymic's initial"},
		{Name{"Королёва", "Нина", "Петровна"}, unlike, "another given name of the same initial"},
		{Name{"Смирнова", "Наталья", "Петровна"}, sameGiven, "another family name"},
		{Name{"Смирнова", "Н.", "П."}, unlike, "another family name and initials say nothing"},
		{Name{"Смирнова", "Наталья", ""}, unlike, "a given name alone says nothing"},
	} {
		if got := c.row.compare(known); got != c.want {
			t.Errorf("%s: %v compared = %d, want %d", c.why, c.row, got, c.want)
		}
		if a, b := c.row.compare(known), known.compare(c.row); a != b {
			t.Errorf("%s: comparing is not symmetric: %d and %d", c.why, a, b)
		}
	}
}

func FuzzNameFold(f *testing.F) {
	f.Add("Ёлкина-Ёжикова", "Алёна")
	f.Add("ivanova", " Мария ")
	f.Fuzz(func(t *testing.T, family, given string) {
		if !utf8.ValidString(family) || !utf8.ValidString(given) {
			return
		}
		if once := fold(family); fold(once) != once {
			t.Errorf("folding twice changes %q: %q, %q", family, once, fold(once))
		}
		n := Name{Family: family, Given: given}
		if tidied := n.Tidy(); tidied.key() != n.key() {
			t.Errorf("tidying changes the key of %+v: %q, %q", n, n.key(), tidied.key())
		}
		if n.compare(n) != sameExactly && fold(given) != "" && !isInitial(given) {
			t.Errorf("%+v does not equal itself", n)
		}
	})
}

func TestLoginOf(t *testing.T) {
	for in, want := range map[Name]string{
		{"Щукина", "Юлия", "Яковлевна"}:   "schukina.yuya",
		{"Римская-Корсакова", "Анна", ""}: "rimskaya-korsakova.a",
	} {
		if got := loginOf(in); got != want {
			t.Errorf("loginOf(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for n, ok := range map[Name]bool{
		{"Иванова", "Мария", ""}: true, {"Учитель-017", "Анна", ""}: true, {"д’Артаньян", "Шарль", "Ожье"}: true, {"Римская-Корсакова", "Анна", "Ибрагим кызы"}: true,
		{"", "Мария", ""}: false, {"Иванова", " ", ""}: false, {"Иванов7", "Пётр", ""}: false, {"Иванова", "Мария<", ""}: false, {"Иванова", "Мария", "Петровна;"}: false,
	} {
		if err := n.Validate(); (err == nil) != ok {
			t.Errorf("%+v: %v", n, err)
		}
	}
}
