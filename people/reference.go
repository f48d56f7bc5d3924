package people

import (
	"context"
	"embed"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

//go:embed reference/*.html
var consentBodies embed.FS

// territories are the municipal districts and okrugs of Leningrad oblast with
// the first five digits of their OKTMO codes.
var territories = []struct{ code, name, short, kind string }{
	{"41603", "Бокситогорский муниципальный район", "Бокситогорский", "district"},
	{"41606", "Волосовский муниципальный район", "Волосовский", "district"},
	{"41609", "Волховский муниципальный район", "Волховский", "district"},
	{"41612", "Всеволожский муниципальный район", "Всеволожский", "district"},
	{"41615", "Выборгский район", "Выборгский", "district"},
	{"41518", "Гатчинский муниципальный округ", "Гатчинский", "okrug"},
	{"41621", "Кингисеппский муниципальный район", "Кингисеппский", "district"},
	{"41624", "Киришский муниципальный район", "Киришский", "district"},
	{"41625", "Кировский муниципальный район", "Кировский", "district"},
	{"41627", "Лодейнопольский муниципальный район", "Лодейнопольский", "district"},
	{"41630", "Ломоносовский муниципальный район", "Ломоносовский", "district"},
	{"41633", "Лужский муниципальный район", "Лужский", "district"},
	{"41636", "Подпорожский муниципальный район", "Подпорожский", "district"},
	{"41639", "Приозерский муниципальный район", "Приозерский", "district"},
	{"41642", "Сланцевский муниципальный район", "Сланцевский", "district"},
	{"41754", "Сосновоборский городской округ", "Сосновоборский", "okrug"},
	{"41645", "Тихвинский муниципальный район", "Тихвинский", "district"},
	{"41648", "Тосненский муниципальный район", "Тосненский", "district"},
}

// positions follow the nomenclature of pedagogical positions (order of the Government
// of 21 February 2022 № 225), the commonest first; the last are managers.
var positions = []Item{
	{"teacher", "учитель"}, {"preschool_teacher", "воспитатель"}, {"senior_preschool_teacher", "старший воспитатель"},
	{"college_teacher", "преподаватель"}, {"supplementary_teacher", "педагог дополнительного образования"},
	{"psychologist", "педагог-психолог"}, {"speech_therapist", "учитель-логопед"}, {"special_teacher", "учитель-дефектолог"},
	{"social_teacher", "социальный педагог"}, {"music_leader", "музыкальный руководитель"}, {"physical_instructor", "инструктор по физической культуре"},
	{"tutor", "тьютор"}, {"methodist", "методист"}, {"senior_methodist", "старший методист"}, {"organiser", "педагог-организатор"},
	{"safety_organiser", "преподаватель-организатор основ безопасности и защиты Родины"}, {"librarian", "педагог-библиотекарь"},
	{"adviser", "советник директора по воспитанию"}, {"master", "мастер производственного обучения"}, {"concertmaster", "концертмейстер"},
	{"counsellor", "старший вожатый"}, {"trainer", "тренер-преподаватель"}, {"labour_instructor", "инструктор по труду"},
	{"head", "руководитель (директор, заведующий)"}, {"deputy_head", "заместитель руководителя"}, {"specialist", "специалист"},
}

var subjects = []Item{
	{"math", "Математика"}, {"preschool", "Дошкольное образование"}, {"primary", "Начальные классы"}, {"russian", "Русский язык"},
	{"literature", "Литература"}, {"foreign", "Иностранный язык"}, {"informatics", "Информатика"}, {"physics", "Физика"},
	{"chemistry", "Химия"}, {"biology", "Биология"}, {"geography", "География"}, {"history", "История"}, {"social", "Обществознание"},
	{"safety", "Основы безопасности и защиты Родины"}, {"pe", "Физическая культура"}, {"labour", "Труд (технология)"},
	{"music", "Музыка"}, {"art", "Изобразительное искусство"}, {"special", "Коррекционная педагогика"}, {"psychology", "Психология"},
}

// categories follow the order of attestation (order of the Ministry of 24 March 2023 № 196).
var categories = []Item{
	{"none", "без категории"}, {"match", "соответствие должности"}, {"first", "первая"}, {"highest", "высшая"},
	{"methodist", "педагог-методист"}, {"mentor", "педагог-наставник"},
}

// bandNames are the bands in words; years_to is exclusive.
var bandNames = map[string]string{
	"0-3": "до 3 лет", "3-5": "3–5 лет", "5-10": "5–10 лет", "10-15": "10–15 лет", "15-20": "15–20 лет", "20+": "20 лет и больше",
}

// Purposes of consent, each asked for apart, in the order they are shown.
const (
	ForDiagnostics = "diagnostics"
	ForMethodist   = "share_methodist"
	ForResearch    = "research"
	ForLessonVideo = "lesson_video"
)

var consentTitles = []Item{
	{ForDiagnostics, "Диагностика и маршрут"}, {ForMethodist, "Показать результаты методисту муниципалитета"},
	{ForResearch, "Обезличенные исследования"}, {ForLessonVideo, "Видеозапись урока"},
}

// EnsureReference puts the reference lists and the first texts of consent where they
// are missing and changes nothing that stands. It runs at every start and is safe
// beside another instance doing the same.
func (s *Service) EnsureReference(ctx context.Context) error {
	return db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error { return ensureReferenceTx(ctx, tx) })
}

func ensureReferenceTx(ctx context.Context, tx db.Q) error {
	var codes, names, shorts, kinds []string
	for _, t := range territories {
		codes, names, shorts, kinds = append(codes, t.code), append(names, t.name), append(shorts, t.short), append(kinds, t.kind)
	}
	// An installation of another region has territories of its own: ours go only into an empty table.
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO territory (code, name, short_name, kind)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
		WHERE NOT EXISTS (SELECT FROM territory)
		ON CONFLICT DO NOTHING`, db.Array(codes), db.Array(names), db.Array(shorts), db.Array(kinds)); err != nil {
		return fmt.Errorf("territories: %w", err)
	}
	for table, list := range map[string][]Item{"position": positions, "subject": subjects, "qualification_category": categories} {
		codes, names := split(list)
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO `+table+` (code, name, rank)
			SELECT code, name, rank FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u (code, name, rank)
			ON CONFLICT DO NOTHING`, db.Array(codes), db.Array(names)); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	for i, b := range bands {
		var to *int
		if i+1 < len(bands) {
			to = &bands[i+1].from
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO experience_band (code, name, years_from, years_to) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, b.code, bandNames[b.code], b.from, to); err != nil {
			return fmt.Errorf("experience bands: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO experience_band (code, name) VALUES ($1, 'стаж не указан') ON CONFLICT DO NOTHING`, UnknownBand); err != nil {
		return fmt.Errorf("experience bands: %w", err)
	}
	for _, c := range consentTitles {
		body, err := consentBodies.ReadFile("reference/" + c.Code + "_1.html")
		if err != nil {
			return fmt.Errorf("text of consent: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO consent_text (purpose, version, title, body_html, valid_from) VALUES ($1, 1, $2, $3, '2026-01-01')
			ON CONFLICT DO NOTHING`, c.Code, c.Name, string(body)); err != nil {
			return fmt.Errorf("text of consent: %w", err)
		}
	}
	return nil
}

func split(list []Item) (codes, names []string) {
	for _, x := range list {
		codes, names = append(codes, x.Code), append(names, x.Name)
	}
	return codes, names
}
