package campaign

import (
	"fmt"
	"strings"
	"unicode"
)

// damm is the quasigroup of order 10 with which the check digit finds every
// single wrong digit and every swap of neighbours.
// Source: H. M. Damm, Total anti-symmetrische Quasigruppen, 2004, p. 111.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9}, {1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5}, {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// prefix begins the participant codes of a year and a subject: region, year,
// two letters of the subject's name, as in ЛО-26-МА.
func prefix(year int, subject string) string {
	letters := []rune{}
	for _, r := range strings.ToUpper(subject) {
		if unicode.IsLetter(r) && len(letters) < 2 {
			letters = append(letters, r)
		}
	}
	for len(letters) < 2 {
		letters = append(letters, 'О')
	}
	return fmt.Sprintf("ЛО-%02d-%s", year%100, string(letters))
}

// participantCode is a code such as ЛО-26-МА-0417-7: what experts, analysts and
// exports call a person. The last digit checks the rest.
func participantCode(prefix string, number int) string {
	body := fmt.Sprintf("%s-%04d", prefix, number)
	return fmt.Sprintf("%s-%d", body, checkDigit(body))
}

// Code is the participant code of a year, a subject by its name, and a number.
func Code(year int, subject string, number int) string {
	return participantCode(prefix(year, subject), number)
}

// ValidCode tells whether a typed code carries its own check digit.
func ValidCode(code string) bool {
	cut := strings.LastIndexByte(code, '-')
	return cut > 0 && cut == len(code)-2 && code[cut+1:] == fmt.Sprint(checkDigit(code[:cut]))
}

func checkDigit(body string) int {
	var state byte
	step := func(d rune) { state = damm[state][d%10] }
	for _, r := range body {
		switch {
		case r >= '0' && r <= '9':
			step(r - '0')
		case unicode.IsLetter(r):
			step(r / 10)
			step(r)
		}
	}
	return int(state)
}
