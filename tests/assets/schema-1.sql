CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE images (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	path TEXT NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	problem TEXT, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (sha256)
);
CREATE TABLE generations (
	image_id INTEGER NOT NULL, 
	request_key VARCHAR(64) NOT NULL, 
	model TEXT NOT NULL, 
	prompt TEXT NOT NULL, 
	negative TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	steps INTEGER NOT NULL, 
	guidance DOUBLE NOT NULL, 
	sampler TEXT NOT NULL, 
	seconds DOUBLE NOT NULL, 
	PRIMARY KEY (image_id), 
	FOREIGN KEY(image_id) REFERENCES images (id), 
	UNIQUE (request_key)
);
CREATE TABLE items (
	image_id INTEGER NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	"values" BLOB NOT NULL, 
	PRIMARY KEY (image_id, version), 
	FOREIGN KEY(image_id) REFERENCES images (id)
);
CREATE TABLE scores (
	image_id INTEGER NOT NULL, 
	profile VARCHAR(128) NOT NULL, 
	value DOUBLE NOT NULL, 
	PRIMARY KEY (image_id, profile), 
	FOREIGN KEY(image_id) REFERENCES images (id)
);
INSERT INTO meta VALUES ('schema_version', '1');
INSERT INTO images VALUES (1, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'images/9f86d081884c7d659a2f.png', 64, 64, NULL, '2025-11-03 10:00:00.000000');
INSERT INTO generations VALUES (1, '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752', 'soart/tiny', 'a boat', '', 7, 30, 5.0, 'DDIMScheduler', 0.2);
INSERT INTO items VALUES (1, 'soart-1', X'0000803F');
INSERT INTO scores VALUES (1, 'technical', 50.0);
