package people

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/lotsiya/lotsiya/internal/fault"
)

// hashing limits how many passwords are worked on at once: each takes 19 MiB, and
// a school that signs in at nine sharp must not take the memory of the exam.
var hashing = make(chan struct{}, 4)

// cost of one hash: 19 MiB, two passes, one lane (OWASP's minimum for argon2id), about 25 ms.
var cost = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword hashes a password; many synthetic persons may share one hash.
func HashPassword(password string) (string, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	h, err := argon2id.CreateHash(password, cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return h, nil
}

// nobodysHash is compared where the login does not exist, so that the time of the
// answer does not tell who is known here.
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$bG90c2l5YS1ub2JvZHkhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// checkPassword compares a password with a hash.
func checkPassword(ctx context.Context, password, hash string) (bool, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done(): // nobody waits for the answer any more
		return false, ctx.Err()
	}
	defer func() { <-hashing }()
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return ok, nil
}

// foldLogin makes logins equal that differ in case or in space around them.
func foldLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// validatePassword refuses a password that is easily guessed.
func validatePassword(login, password, again string) error {
	wrong := map[string]string{}
	switch {
	case utf8.RuneCountInString(password) < 10:
		wrong["password"] = "Не короче 10 знаков: подойдёт фраза из трёх-четырёх слов"
	case utf8.RuneCountInString(password) > 200:
		wrong["password"] = "Не длиннее 200 знаков"
	case strings.Contains(foldLogin(password), foldLogin(login)):
		wrong["password"] = "В пароле не должно быть логина"
	case len(distinct(password)) < 4:
		wrong["password"] = "Слишком просто: нужно хотя бы четыре разных знака"
	case password != again:
		wrong["again"] = "Пароли не совпали"
	}
	if len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Пароль не сменили", Fields: wrong}
	}
	return nil
}

func distinct(s string) map[rune]bool {
	out := map[rune]bool{}
	for _, r := range s {
		out[r] = true
	}
	return out
}

// passwordAlphabet leaves out letters and digits that look alike on a printed card.
const passwordAlphabet = "abcdefghkmnpqrstuvwxyz23456789"

// NewPassword makes a password to be printed and changed at the first sign-in: 60 bits in three groups.
func NewPassword() (string, error) {
	var b strings.Builder
	for i := range 12 {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(passwordAlphabet))))
		if err != nil {
			return "", fmt.Errorf("random password: %w", err)
		}
		b.WriteByte(passwordAlphabet[n.Int64()])
	}
	return b.String(), nil
}

// latin writes Russian letters as in a login.
var latin = strings.NewReplacer(
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "ё", "e", "ж", "zh", "з", "z", "и", "i", "й", "y", "к", "k", "л", "l",
	"м", "m", "н", "n", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f", "х", "kh", "ц", "ts", "ч", "ch", "ш", "sh",
	"щ", "sch", "ъ", "", "ы", "y", "ь", "", "э", "e", "ю", "yu", "я", "ya")

// loginOf proposes a login: "ivanova.mp".
func loginOf(n Name) string {
	initials := ""
	for _, part := range []string{n.Given, n.Patronymic} {
		if r, size := utf8.DecodeRuneInString(fold(part)); size > 0 {
			initials += string(r)
		}
	}
	login := latin.Replace(fold(n.Family))
	if initials != "" {
		login += "." + latin.Replace(initials)
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, login)
}
