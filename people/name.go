package people

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lotsiya/lotsiya/internal/fault"
)

// Name is what a person is called. Given and Patronymic may be initials ("М.")
// in a list from outside; a person of ours always has a family name and a given one.
type Name struct {
	Family     string `db:"family"`
	Given      string `db:"given"`
	Patronymic string `db:"patronymic"`
}

// ParseName reads "Иванова Мария Петровна", "Иванова М. П." and "Иванова М.П.".
// What follows the given name is the patronymic, however many words ("Ибрагим оглы").
func ParseName(s string) (Name, error) {
	words := strings.Fields(strings.ReplaceAll(tidy(s), ".", ". "))
	if len(words) < 2 {
		return Name{}, fault.New(fault.Invalid, "Нужны фамилия и имя: «Иванова Мария Петровна»")
	}
	return Name{Family: words[0], Given: words[1], Patronymic: strings.Join(words[2:], " ")}, nil
}

// Full is "Иванова Мария Петровна".
func (n Name) Full() string {
	return strings.TrimSpace(strings.Join(strings.Fields(n.Family+" "+n.Given+" "+n.Patronymic), " "))
}

// String is the full name.
func (n Name) String() string { return n.Full() }

// Initials is "Иванова М. П.".
func (n Name) Initials() string {
	out := n.Family
	for _, part := range []string{n.Given, n.Patronymic} {
		if r, size := utf8.DecodeRuneInString(part); size > 0 {
			out += " " + string(unicode.ToUpper(r)) + "."
		}
	}
	return out
}

// Address is how to speak to the person: "Мария Петровна".
func (n Name) Address() string { return strings.TrimSpace(n.Given + " " + n.Patronymic) }

// Tidy returns the name with single spaces, ordinary hyphens and capital first letters
// where it was typed all in capitals or all in small letters.
func (n Name) Tidy() Name {
	return Name{Family: capitals(tidy(n.Family)), Given: capitals(tidy(n.Given)), Patronymic: capitals(tidy(n.Patronymic))}
}

// Validate refuses a name that cannot be a person's.
func (n Name) Validate() error {
	wrong := map[string]string{}
	for field, part := range map[string]string{"family": n.Family, "given": n.Given, "patronymic": n.Patronymic} {
		if why := badNamePart(part); why != "" {
			wrong[field] = why
		}
	}
	if strings.TrimSpace(n.Family) == "" {
		wrong["family"] = "Напишите фамилию"
	}
	if strings.TrimSpace(n.Given) == "" {
		wrong["given"] = "Напишите имя"
	}
	if len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте имя", Fields: wrong}
	}
	return nil
}

// badNamePart says what is wrong with a part of a name, or nothing.
func badNamePart(s string) string {
	if utf8.RuneCountInString(s) > 80 {
		return "Длиннее 80 знаков"
	}
	before := '-'
	for _, r := range s {
		// A number set apart by a hyphen is the name of somebody made up («Учитель-017»); stuck to a letter it is a slip.
		number := unicode.IsDigit(r) && !unicode.IsLetter(before)
		if !number && !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" -‐‑–'’ʼ.", r) {
			return "Только буквы, дефис и пробел; лишний знак «" + string(r) + "»"
		}
		before = r
	}
	return ""
}

// key is the name folded for comparison: family|given|patronymic.
func (n Name) key() string {
	return fold(n.Family) + "|" + fold(n.Given) + "|" + fold(n.Patronymic)
}

// lookalikes are Latin letters typed in place of Cyrillic ones of the same look.
var lookalikes = map[rune]rune{
	'a': 'а', 'b': 'в', 'c': 'с', 'e': 'е', 'h': 'н', 'k': 'к', 'm': 'м', 'o': 'о', 'p': 'р', 't': 'т', 'x': 'х', 'y': 'у',
}

// fold makes spellings of one name equal: case, ё and е, spaces, kinds of hyphen
// and apostrophe, points after initials, and Latin letters inside a Cyrillic word.
func fold(s string) string {
	s = strings.ToLower(tidy(s))
	cyrillic := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == 'ё':
			r = 'е'
		case r == '.', r == '\'', r == '’', r == 'ʼ':
			continue
		case cyrillic && lookalikes[r] != 0:
			r = lookalikes[r]
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// tidy folds white space, drops invisible marks and makes every hyphen "-", without spaces around it.
func tidy(s string) string {
	s = norm.NFC.String(s) // й and ё in two pieces become one letter
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00ad', '\u200b', '\u200c', '\u200d', '\ufeff':
			return -1
		case '‐', '‑', '–', '—', '−':
			return '-'
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	s = strings.ReplaceAll(s, " -", "-")
	return strings.ReplaceAll(s, "- ", "-")
}

// capitals mends a name typed in one case; a name in mixed case is left as its owner writes it.
func capitals(s string) string {
	if s != strings.ToUpper(s) && s != strings.ToLower(s) || utf8.RuneCountInString(strings.Trim(s, ".")) < 2 {
		return s
	}
	up := true
	return strings.Map(func(r rune) rune {
		if up {
			r = unicode.ToUpper(r)
		} else {
			r = unicode.ToLower(r)
		}
		up = r == '-' || r == ' ' || r == '.'
		return r
	}, s)
}

// isInitial reports whether a part of a name is a single letter, with or without its point.
func isInitial(s string) bool { return utf8.RuneCountInString(fold(s)) == 1 }

// likeness is how far two names agree.
type likeness uint8

const (
	unlike       likeness = iota
	sameGiven             // given name and patronymic agree in full, the family name differs
	sameInitials          // the family name agrees; initials, or a missing patronymic, do not contradict
	sameFolded            // all agree after folding: ё and е, case, hyphens
	sameExactly           // letter for letter
)

// compare says how far two names agree.
func (n Name) compare(m Name) likeness {
	family := fold(n.Family) == fold(m.Family)
	given, givenFull := partAgrees(n.Given, m.Given)
	patronymic, patronymicFull := partAgrees(n.Patronymic, m.Patronymic)
	switch {
	case !given || !patronymic:
		return unlike
	case family && givenFull && patronymicFull:
		if n == m {
			return sameExactly
		}
		return sameFolded
	case family:
		return sameInitials
	case givenFull && patronymicFull && n.Patronymic != "":
		return sameGiven
	}
	return unlike
}

// partAgrees reports whether two spellings of a part do not contradict each other,
// and whether they agree in full. An initial and a missing part contradict nothing.
func partAgrees(a, b string) (agree, full bool) {
	a, b = fold(a), fold(b)
	switch {
	case a == b:
		return true, utf8.RuneCountInString(a) != 1
	case a == "" || b == "":
		return true, false
	case isInitial(a), isInitial(b):
		x, _ := utf8.DecodeRuneInString(a)
		y, _ := utf8.DecodeRuneInString(b)
		return x == y, false
	}
	return false, false
}
