-- Realistic input, the same at every run: 78 cards, 10 000 customers in eleven scripts, their readings and
-- payments. The web application writes it, in ordinary INSERTs that know nothing of encryption.
-- All of it is invented: example domains, telephone numbers that nobody has, cards never issued.

\o /dev/null
\set ON_ERROR_STOP on
\connect - web

-- ------------------------------------------------------------ 78 cards, in plain text: no secret of anybody's

INSERT INTO card (number, name, upright, reversed) VALUES
	(0, 'The Fool', 'a beginning made with an open heart', 'a leap taken without looking'),
	(1, 'The Magician', 'skill, and the will to use it', 'talent left lying in a drawer'),
	(2, 'The High Priestess', 'what you know without having been told', 'a secret kept for too long'),
	(3, 'The Empress', 'abundance that grows by being shared', 'care that smothers what it feeds'),
	(4, 'The Emperor', 'order, and someone who answers for it', 'a rule that has outlived its reason'),
	(5, 'The Hierophant', 'counsel worth asking for', 'a custom followed out of fear'),
	(6, 'The Lovers', 'a choice made with the whole heart', 'two roads and no decision'),
	(7, 'The Chariot', 'opposites driven in one direction', 'speed without a destination'),
	(8, 'Strength', 'gentleness that outlasts force', 'doubt where courage was meant to be'),
	(9, 'The Hermit', 'an answer found in silence', 'solitude that has become a wall'),
	(10, 'Wheel of Fortune', 'a turn that was due', 'the same lesson for a second time'),
	(11, 'Justice', 'a fair account of what was done', 'an excuse that convinces no one'),
	(12, 'The Hanged Man', 'patience, and the world seen from below', 'a sacrifice nobody asked for'),
	(13, 'Death', 'an end that makes room', 'holding on to what has already gone'),
	(14, 'Temperance', 'the right measure of two things', 'too much of what was good'),
	(15, 'The Devil', 'a bond you could loosen', 'chains taken off one by one'),
	(16, 'The Tower', 'a sudden and useful collapse', 'a disaster put off, not averted'),
	(17, 'The Star', 'hope after a long night', 'hope mislaid, not lost'),
	(18, 'The Moon', 'a path through uncertain light', 'a fear that loses its shape by day'),
	(19, 'The Sun', 'joy without conditions', 'a cloud, and it will pass'),
	(20, 'Judgement', 'a call that has to be answered', 'an old verdict, read once too often'),
	(21, 'The World', 'a circle completed', 'the last step, still to be taken');

INSERT INTO card (number, name, upright, reversed)
SELECT 22 + 14 * suit.number + rank.number, rank.name || ' of ' || suit.name,
		rank.upright || ' in ' || suit.field, rank.reversed || ' in ' || suit.field
	FROM (VALUES (0, 'Wands', 'your work'), (1, 'Cups', 'love'), (2, 'Swords', 'your thoughts'), (3, 'Pentacles', 'money')
	) AS suit (number, name, field), (VALUES
		(0, 'Ace', 'a first spark', 'a spark that found no tinder'),
		(1, 'Two', 'a balance to be struck', 'scales that will not settle'),
		(2, 'Three', 'a plan shared by several', 'a plan kept to oneself'),
		(3, 'Four', 'rest on firm ground', 'rest that has become idleness'),
		(4, 'Five', 'a quarrel worth settling', 'a quarrel kept warm'),
		(5, 'Six', 'help given and taken', 'a gift with a string attached'),
		(6, 'Seven', 'a test of patience', 'giving up one day too early'),
		(7, 'Eight', 'steady movement', 'running on the spot'),
		(8, 'Nine', 'more than was expected', 'enough, and still wanting more'),
		(9, 'Ten', 'the end of a long effort', 'a load that is not yours alone'),
		(10, 'Page', 'news from someone young', 'a rumour'),
		(11, 'Knight', 'haste with a purpose', 'haste without one'),
		(12, 'Queen', 'care that has seen much', 'care turned into control'),
		(13, 'King', 'mastery worn lightly', 'mastery that must be seen')
	) AS rank (number, name, upright, reversed);

-- ------------------------------------------------------------ 10 000 customers

-- Three whom we shall meet again, and 9 997 made of given names, family names and numbers.
INSERT INTO customer (id, handle, name, email, phone, born, preferences) VALUES
	(1, 'moonchild-00001', 'Zoë Lefèvre', 'zoe@example.fr', '+33 6 39 98 12 34', '1987-05-24', '{"language": "fr", "deck": "Marseille", "asks about": ["marriage", "money"]}'),
	(2, 'moonchild-00002', 'Анна Жукова', 'анна@пример.рф', '+7 900 000-56-78', '1992-11-02', '{"language": "ru", "deck": "Rider-Waite", "asks about": ["love"]}'),
	(3, 'moonchild-00003', '佐藤 美咲', 'misaki@example.jp', '+81 90-0000-9012', '2001-02-28', '{"language": "ja", "deck": "Thoth", "asks about": ["work"]}');

-- Given names are followed by how they are written in e-mail addresses.
INSERT INTO customer (id, handle, name, email, phone, born, preferences)
WITH locale (number, given, family, space, domain, prefix, digits) AS (VALUES
	(0, 'Zoë/zoe Élise/elise Anaïs/anais Loïc/loic Rémi/remi Maëlle/maelle Thibault/thibault Inès/ines',
		'Lefèvre Garçon Dubois Noël Béranger Moreau', ' ', 'example.fr', '+33 6 39 98 ', '0123456789'),
	(1, 'Emma/emma Oliver/oliver Siobhán/siobhan Rhys/rhys Chloe/chloe Isla/isla Noah/noah Bronwyn/bronwyn',
		'O''Neill Smith Taylor-Brown Llewellyn MacGregor Ng', ' ', 'example.org', '+44 7700 90', '0123456789'),
	(2, 'Jürgen/juergen Käthe/kaethe Annelie/annelie Björn/bjoern Jörg/joerg Heidi/heidi Sören/soeren Ute/ute',
		'Müller Weiß Schäfer Großmann Ostermann-Kröger Öztürk', ' ', 'example.de', '+49 1550 00', '0123456789'),
	(3, 'Thị/thi Đặng/dang Hương/huong Quốc/quoc Phượng/phuong Ánh/anh Lý/ly Nguyệt/nguyet',
		'Nguyễn Trần Lê Phạm Bùi Đỗ', ' ', 'example.vn', '+84 90 000 ', '0123456789'),
	(4, 'Мария/maria Иван/ivan Анна/anna Сергей/sergei Ольга/olga Дмитрий/dmitri Юлия/julia Фёдор/fedor',
		'Кузнецова Петренко Щербак Соловьёва Ковальчук Жук', ' ', 'example.com', '+7 900 000 ', '0123456789'),
	(5, 'Ελένη/eleni Γιώργος/giorgos Άννα/anna Νίκος/nikos Σοφία/sofia Ορέστης/orestis Θάλεια/thalia Ζωή/zoi',
		'Παπαδοπούλου Ιωάννου Δημητρίου Οικονόμου Γεωργίου Ρήγα', ' ', 'example.gr', '+30 690 000 ', '0123456789'),
	(6, 'محمد/mohammed فاطمة/fatima ليلى/layla يوسف/yusuf مريم/maryam عمر/omar زينب/zaynab سعيد/said',
		'العلي الحسيني بغدادي القاسم منصور الشريف', ' ', 'example.net', '+966 50 000 ', '٠١٢٣٤٥٦٧٨٩'),
	(7, 'נועה/noa דוד/david תמר/tamar אורי/uri שירה/shira משה/moshe יעל/yael איתי/itai',
		'כהן לוי מזרחי פרץ ביטון פרידמן', ' ', 'example.net', '+972 50 000 ', '0123456789'),
	(8, '美玲/meiling 伟/wei 秀英/xiuying 明/ming 芳/fang 建国/jianguo 丽/li 子轩/zixuan',
		'王 李 张 欧阳 司马 陈', '', 'example.cn', '+86 100 0000 ', '0123456789'),
	(9, '美咲/misaki 健太/kenta さくら/sakura 陽菜/hina 翔/sho ひかり/hikari 大輔/daisuke 結衣/yui',
		'佐藤 鈴木 高橋 渡辺 長谷川 林', ' ', 'example.jp', '+81 90 0000 ', '０１２３４５６７８９'),
	(10, '지우/jiwoo 서준/seojun 하은/haeun 민준/minjun 수빈/subin 예은/yeeun 도윤/doyun 은지/eunji',
		'김 이 박 최 남궁 황보', '', 'example.kr', '+82 10 0000 ', '0123456789'),
	(11, 'अनन्या/ananya राहुल/rahul प्रिया/priya अर्जुन/arjun लक्ष्मी/lakshmi विक्रम/vikram सीता/sita श्रेया/shreya',
		'शर्मा वर्मा श्रीवास्तव त्रिपाठी क्षत्रिय राव', ' ', 'example.in', '+91 00000 0', '०१२३४५६७८९'),
	(12, 'สมชาย/somchai กัลยา/kanlaya นภา/napha ปรีชา/pricha มาลี/mali ธนา/thana วิไล/wilai อรุณ/arun',
		'ศรีสุข วงศ์สวัสดิ์ จันทร์เพ็ญ ทองดี แสงอรุณ บุญมา', ' ', 'example.co.th', '+66 80 000 ', '๐๑๒๓๔๕๖๗๘๙')
), person AS (
	SELECT id, locale.*, string_to_array(given, ' ') AS givens,
			(string_to_array(family, ' '))[1 + demo.dice(id, 1, 6)] AS last
		FROM generate_series(4, 10000) AS id
			JOIN locale ON locale.number = demo.dice(id, 2, 13)
), named AS (
	SELECT *, givens[1 + demo.dice(id, 3, 8)] AS first, split_part(givens[1 + demo.dice(id, 4, 8)], '/', 1) AS second
		FROM person
)
SELECT id, 'moonchild-' || to_char(id, 'FM00000'),
		CASE
			WHEN number BETWEEN 8 AND 10 THEN last || space || split_part(first, '/', 1)
			-- Now and then someone bears all the names of the family.
			WHEN demo.dice(id, 5, 200) = 0 THEN regexp_replace(given, '/[a-z]+', '', 'g') || ' ' || family
			WHEN demo.dice(id, 6, 5) = 0 THEN split_part(first, '/', 1) || ' ' || second || ' ' || last
			ELSE split_part(first, '/', 1) || ' ' || last
		END,
		split_part(first, '/', 2) || '.' || id || CASE WHEN demo.dice(id, 7, 5) = 0 THEN '+tarot' ELSE '' END || '@' || domain,
		-- One in ten left none.
		CASE WHEN demo.dice(id, 8, 10) > 0
			THEN prefix || translate(to_char(demo.dice(id, 9, 10000), 'FM00 00'), '0123456789', digits) END,
		date '1950-01-01' + demo.dice(id, 10, 20000),
		jsonb_build_object('language', right(domain, 2), 'deck', (ARRAY['Marseille', 'Rider-Waite', 'Thoth'])[1 + demo.dice(id, 11, 3)])
	FROM named;

-- ------------------------------------------------------------ 15 000 readings, of 0.1 to 20 KB

-- Most are short, a few are very long: 100 times 200 ^ (a die ^ 2.2) characters.
INSERT INTO reading (id, customer_id, held_on, question, reading)
WITH asked (questions) AS (VALUES (ARRAY[
	'Will she come back to me?', 'Should I leave my husband?', 'Is the new job worth the move?',
	'When will I stop grieving for my father?', 'Do I tell them about the diagnosis?',
	'Is my brother lying about the money?', 'Вернётся ли он ко мне?', 'Θα γίνω ποτέ μητέρα;',
	'هل أسافر أم أبقى؟', '我该不该辞职?', '彼は私のことをどう思っていますか。', 'क्या मेरा विवाह होगा?',
	'그 사람을 용서해야 할까요?', 'איפה אמצא שקט?'])
), session AS (
	SELECT id, 4 + demo.dice(id, 20, 9997) AS customer_id, questions[1 + demo.dice(id, 21, 14)] AS question,
			(100 * 200 ^ ((demo.dice(id, 22, 1001) / 1000.0) ^ 2.2))::integer AS length
		FROM asked, generate_series(4, 15000) AS id
)
SELECT s.id, s.customer_id, date '2024-01-01' + demo.dice(s.id, 23, 700), s.question,
		left(format('Reading %s for %s, who asked: %s ', s.id, c.name::text, s.question) || told.sentences, s.length)
	FROM session s
		JOIN customer c ON c.id = s.customer_id
		CROSS JOIN LATERAL (
			SELECT string_agg(
					CASE demo.dice(s.id * 1000 + n, 24, 4)
						WHEN 0 THEN 'Before you lies '
						WHEN 1 THEN 'Behind you, '
						WHEN 2 THEN 'Above all else there is '
						ELSE 'Between the two stands '
					END || card.name || CASE WHEN demo.dice(s.id * 1000 + n, 25, 3) = 0
						THEN ', reversed: ' || card.reversed ELSE ': ' || card.upright
					END || CASE demo.dice(s.id * 1000 + n, 26, 3)
						WHEN 0 THEN '. Take your time with it. '
						WHEN 1 THEN '. You have known this for a while. '
						ELSE '. '
					END, '' ORDER BY n) AS sentences
				FROM generate_series(1, 2 + s.length / 60) AS n
					JOIN card ON card.number = demo.dice(s.id * 1000 + n, 27, 78)
		) told;

INSERT INTO reading (id, customer_id, held_on, question, reading) VALUES
	(1, 1, '2026-01-06', 'Should I leave my husband?',
		'Zoë, the Tower stands where you had hoped for the Sun: a sudden and useful collapse.'),
	(2, 2, '2026-01-07', 'Вернётся ли он ко мне?', 'Анна, перед вами Звезда: надежда после долгой ночи.'),
	(3, 3, '2026-01-08', '彼は私のことをどう思っていますか。', '星 The Star: 長い夜の後に希望が訪れます。美咲さん、どうか焦らないでください。');

-- ------------------------------------------------------------ 12 000 payments

-- The prefixes are those that processors of payments keep for tests.
INSERT INTO payment (id, customer_id, amount, card_number, tip)
SELECT id, CASE WHEN id <= 3 THEN id ELSE 4 + demo.dice(id, 40, 9997) END, 9 + demo.dice(id, 41, 12000) / 100.0,
		demo.card_number((ARRAY['424242', '400000', '555555', '222300'])[1 + demo.dice(id, 42, 4)], id),
		round(demo.dice(id, 43, 2500) / 100.0, 2)
	FROM generate_series(1, 12000) AS id;

-- The superuser, who sees none of it, looks after it all the same.
\connect - postgres
VACUUM ANALYZE customer, reading, payment;
